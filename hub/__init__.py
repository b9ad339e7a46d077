"""Hub 1022: one conversation stream for the public-service hotline of Đồng Tháp."""
