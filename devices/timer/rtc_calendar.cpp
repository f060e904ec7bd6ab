#include "devices/timer/rtc_calendar.h"

namespace twin86 {

namespace {
constexpr i64 kDay_s = 86'400;

i64 floor_div(i64 a, i64 b) {
    return a / b - (a % b < 0 ? 1 : 0);
}

/// Days from 1970-01-01 to the first of the month: years start in March, so that the leap day comes last.
i64 days_to_month(int year, int month) {
    const i64 months = i64{year} * 12 + month - 3;
    const i64 y = floor_div(months, 12), m = months - y * 12;
    const i64 leap_days = floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400);
    return y * 365 + leap_days + (153 * m + 2) / 5 - 719'468;
}
}  // namespace

i64 unix_from_calendar(const CalendarTime& t) {
    const i64 days = days_to_month(t.year, t.month) + t.day - 1;
    return days * kDay_s + i64{t.hour} * 3600 + i64{t.minute} * 60 + t.second;
}

CalendarTime calendar_from_unix(i64 seconds) {
    const i64 days = floor_div(seconds, kDay_s);
    const int in_day = static_cast<int>(seconds - days * kDay_s);
    CalendarTime t;
    t.hour = in_day / 3600;
    t.minute = in_day / 60 % 60;
    t.second = in_day % 60;
    t.weekday = static_cast<int>(days + 4 - floor_div(days + 4, 7) * 7) + 1;
    t.year = static_cast<int>(1970 + floor_div(days * 400, 146'097));
    while (days_to_month(t.year, 1) > days) --t.year;
    while (days_to_month(t.year + 1, 1) <= days) ++t.year;
    t.month = 12;
    while (days_to_month(t.year, t.month) > days) --t.month;
    t.day = static_cast<int>(days - days_to_month(t.year, t.month)) + 1;
    return t;
}

}  // namespace twin86
