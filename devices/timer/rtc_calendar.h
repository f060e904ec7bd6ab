// Calendar arithmetic of the RTC: seconds since the Unix epoch to fields and back, proleptic Gregorian.
#pragma once

#include "base/types.h"

namespace twin86 {

struct CalendarTime {
    int year = 1970;
    int month = 1;  ///< 1-12
    int day = 1;    ///< 1-31
    int hour = 0, minute = 0, second = 0;
    int weekday = 5;  ///< 1 is Sunday
};

CalendarTime calendar_from_unix(i64 seconds);
/// Fields out of range carry over into the next larger one (day 31 of February is March 2 or 3).
i64 unix_from_calendar(const CalendarTime& time);

}  // namespace twin86
