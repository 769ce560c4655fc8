/// The part of a date that a time modifier takes (Sigma modifiers appendix 2.1.0, "Time Modifiers").
enum TimePart: String, Sendable, Hashable, CaseIterable {
    case minute, hour, day, week, month, year

    /// The numbers that it can be. Weeks are those of ISO 8601, of which some years have 53.
    var range: ClosedRange<Int> {
        switch self {
        case .minute: 0...59
        case .hour: 0...23
        case .day: 1...31
        case .week: 1...53
        case .month: 1...12
        case .year: 0...9_999
        }
    }
}

/// A part of the date in a field, compared with a number.
///
/// The date is taken as it is written: nothing is brought to another time zone, and what is no ISO 8601 date
/// (`2026-11-21T02:03:04Z`, `2026-11-21 02:03`, `2026-11-21`, `02:03:04`) has no parts, so no test of it holds.
package struct TimeTest: Sendable, Hashable {
    let part: TimePart
    /// `nil` for equality.
    let comparison: NumberTest.Comparison?
    let bound: Int

    func holds(_ text: Span<UInt8>) -> Bool {
        guard let value = WrittenDate(Array(copying: text))?.value(of: part) else { return false }
        return holds(value)
    }

    func holds(_ value: Int) -> Bool {
        switch comparison {
        case nil: value == bound
        case .lt: value < bound
        case .lte: value <= bound
        case .gt: value > bound
        case .gte: value >= bound
        }
    }
}

/// A date and a time, or one of them, with the numbers that stand in the text.
struct WrittenDate {
    private var date: (year: Int, month: Int, day: Int)?
    private var time: (hour: Int, minute: Int)?

    init?(_ bytes: [UInt8]) {
        var rest = bytes[...]
        if let year = Self.number(&rest, digits: 4, after: nil) {
            guard let month = Self.number(&rest, digits: 2, after: "-"),
                let day = Self.number(&rest, digits: 2, after: "-"), (1...12).contains(month),
                (1...Self.days(in: month, of: year)).contains(day)
            else { return nil }
            date = (year, month, day)
            guard let separator = rest.first else { return }
            guard ["T", "t", " "].contains(Character(Unicode.Scalar(separator))) else { return nil }
            rest = rest.dropFirst()
        }
        guard let hour = Self.number(&rest, digits: 2, after: nil),
            let minute = Self.number(&rest, digits: 2, after: ":"), hour <= 23, minute <= 59
        else { return nil }
        time = (hour, minute)
    }

    func value(of part: TimePart) -> Int? {
        switch part {
        case .minute: time?.minute
        case .hour: time?.hour
        case .day: date?.day
        case .week: date.map { Self.week(year: $0.year, month: $0.month, day: $0.day) }
        case .month: date?.month
        case .year: date?.year
        }
    }

    /// Exactly so many digits, and no further one.
    private static func number(_ rest: inout ArraySlice<UInt8>, digits: Int, after mark: Unicode.Scalar?) -> Int? {
        var text = rest
        if let mark {
            guard text.first == UInt8(ascii: mark) else { return nil }
            text = text.dropFirst()
        }
        let found = text.prefix { (0x30...0x39).contains($0) }
        guard found.count == digits else { return nil }
        rest = text.dropFirst(digits)
        return found.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    private static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    private static func days(in month: Int, of year: Int) -> Int {
        month == 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
    }

    /// ISO 8601: weeks begin on Monday, and the first one is that of the year's first Thursday.
    private static func week(year: Int, month: Int, day: Int) -> Int {
        let ordinal = (1..<month).reduce(day) { $0 + days(in: $1, of: year) }
        let week = (ordinal - weekday(year: year, ordinal: ordinal) + 10) / 7
        if week < 1 { return weeks(in: year - 1) }
        return week > weeks(in: year) ? 1 : week
    }

    private static func weeks(in year: Int) -> Int {
        let first = weekday(year: year, ordinal: 1)
        return first == 4 || (first == 3 && isLeap(year)) ? 53 : 52
    }

    /// Monday is 1.
    private static func weekday(year: Int, ordinal: Int) -> Int {
        // One more cycle of the calendar, which is a whole number of weeks, so that nothing is negative.
        let before = year + 399
        return (before * 365 + before / 4 - before / 100 + before / 400 + ordinal - 1) % 7 + 1
    }
}
