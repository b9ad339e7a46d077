// The replica set and its users, made once; run again it changes nothing. For mongosh on the first member.
const fs = require("fs");
const secret = (name) => fs.readFileSync(`/run/secrets/${name}`, "utf8").trim();
const admin = db.getSiblingDB("admin");
const rootPassword = secret("mongo_root_password");

function known() {
  try {
    return admin.auth("root", rootPassword).ok === 1;
  } catch (error) {
    if (error.codeName !== "AuthenticationFailed") throw error;
    return false;
  }
}

if (!known()) {
  try {
    rs.initiate({
      _id: "hub",
      members: [1, 2, 3].map((n) => ({ _id: n, host: `mongo-${n}:27017`, priority: n === 1 ? 2 : 1 })),
    });
  } catch (error) {
    if (error.codeName !== "AlreadyInitialized") throw error;
  }
  // the localhost exception lets the first user be made, on this member, so it must be the primary
  for (let second = 0; !db.hello().isWritablePrimary; second += 1) {
    if (second > 60) throw new Error("mongo-1 did not become primary within a minute");
    sleep(1000);
  }
  admin.createUser({ user: "root", pwd: rootPassword, roles: ["root"] });
  admin.auth("root", rootPassword);
}

const hub = db.getSiblingDB("hub1022");
if (hub.getUser("hub") === null) {
  hub.createUser({
    user: "hub",
    pwd: secret("mongo_hub_password"),
    roles: [{ role: "readWrite", db: "hub1022" }],
  });
}
print("the replica set and its users are there");
