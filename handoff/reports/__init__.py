"""Figures for those who watch over the work and report on it. Pure: facts of the history in, numbers out.

``worktime``   working time between two instants
``life``       one ticket as it stood at the end of a time: settled or not, late or not, with which agency and how
``figures``    ``figures(heard, cases, period, rules)`` → everything the pages, the workbook and the public page show
``periods``    days, months, the time before
``monthly``    the monthly report as tables, and ``workbook`` as XLSX
``public``     what may be shown to everybody
"""
