"""Pictures that the chapters draw, a file for each: functions that take arrays and axes."""
