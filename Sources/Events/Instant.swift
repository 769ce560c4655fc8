import Foundation

/// A point in time, in whole microseconds since 1970-01-01T00:00:00Z: the resolution of PostgreSQL and of the log.
///
/// Written as RFC 3339 in UTC with always six fraction digits, so that `as_of=<recorded_at>` names that very event.
package struct Instant: Sendable, Hashable, Comparable {
    package var microseconds: Int64

    package init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    package static func now() -> Instant {
        var time = timespec()
        // The address lives for the call alone.
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Instant(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
    }

    package static func < (left: Instant, right: Instant) -> Bool { left.microseconds < right.microseconds }

    /// The instants that RFC 3339 can write whatever the offset: the years 1 to 9999. Nothing outside can be read from a
    /// text, and sums end at these bounds.
    package static let writable =
        Instant(microseconds: -62_135_596_800_000_000)...Instant(microseconds: 253_402_300_799_999_999)

    /// The sum, held within `writable`: it never overflows.
    package func adding(milliseconds: Int64) -> Instant {
        let (product, overflow) = milliseconds.multipliedReportingOverflow(by: 1_000)
        let (sum, overflow2) = microseconds.addingReportingOverflow(product)
        guard !overflow, !overflow2 else {
            return milliseconds < 0 ? Self.writable.lowerBound : Self.writable.upperBound
        }
        return Instant(microseconds: sum).clamped(to: Self.writable)
    }

    /// Whole milliseconds from an earlier instant to this one, rounded down; at most what 64 bits of microseconds hold.
    package func milliseconds(since earlier: Instant) -> Int64 {
        let (difference, overflow) = microseconds.subtractingReportingOverflow(earlier.microseconds)
        guard !overflow else { return (microseconds < 0 ? Int64.min : .max) / 1_000 }
        return difference.floorDivided(by: 1_000)
    }

    package func clamped(to range: ClosedRange<Instant>) -> Instant {
        min(max(self, range.lowerBound), range.upperBound)
    }
}

extension Instant: CustomStringConvertible {
    package var description: String { rfc3339 }

    /// What lies outside `writable` is written as the nearest instant inside, so the text can always be read back.
    package var rfc3339: String {
        let microseconds = clamped(to: Self.writable).microseconds
        let seconds = microseconds.floorDivided(by: 1_000_000)
        let fraction = microseconds - seconds * 1_000_000
        let days = seconds.floorDivided(by: 86_400)
        let second = seconds - days * 86_400
        let date = CivilDate(daysSince1970: days)
        var text: [UInt8] = []
        text.reserveCapacity(27)
        Self.append(date.year, 4, "-", to: &text)
        Self.append(date.month, 2, "-", to: &text)
        Self.append(date.day, 2, "T", to: &text)
        Self.append(second / 3_600, 2, ":", to: &text)
        Self.append(second / 60 % 60, 2, ":", to: &text)
        Self.append(second % 60, 2, ".", to: &text)
        Self.append(fraction, 6, "Z", to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Digits, padded with zeros, and what follows them.
    private static func append(_ value: Int64, _ width: Int, _ end: Unicode.Scalar, to text: inout [UInt8]) {
        var magnitude = value.magnitude
        let start = text.count
        var count = 0
        while count < width || magnitude > 0 {
            text.append(UInt8(ascii: "0") + UInt8(magnitude % 10))
            magnitude /= 10
            count += 1
        }
        text[start...].reverse()
        text.append(UInt8(end.value))
    }

    /// Reads what `rfc3339` writes for the years 0000 to 9999, and nothing else: 27 bytes of one shape.
    package init?(canonical bytes: Span<UInt8>) {
        guard bytes.count == 27 else { return nil }
        var isWellFormed = true
        func number(_ start: Int, _ count: Int, then end: Unicode.Scalar) -> Int64 {
            var value: Int64 = 0
            for index in start..<(start + count) {
                let digit = bytes[index] &- UInt8(ascii: "0")
                if digit > 9 { isWellFormed = false }
                value = value * 10 + Int64(digit)
            }
            if bytes[start + count] != UInt8(end.value) { isWellFormed = false }
            return value
        }
        let date = CivilDate(
            year: number(0, 4, then: "-"), month: number(5, 2, then: "-"), day: number(8, 2, then: "T"))
        let (hour, minute) = (number(11, 2, then: ":"), number(14, 2, then: ":"))
        let (second, fraction) = (number(17, 2, then: "."), number(20, 6, then: "Z"))
        guard isWellFormed, (1...12).contains(date.month), date.day >= 1,
            date.day <= CivilDate.days(inMonth: date.month, ofYear: date.year), hour < 24, minute < 60, second < 60
        else { return nil }
        let seconds = date.daysSince1970 * 86_400 + hour * 3_600 + minute * 60 + second
        microseconds = seconds * 1_000_000 + fraction
    }

    /// Reads RFC 3339 (§5.6) with any offset and 0 to 9 fraction digits; digits beyond the sixth are cut off.
    ///
    /// A leap second (`:60`) is read as the first moment of the next minute. The offset is required; a time that it takes
    /// out of the years 1 to 9999 is refused.
    package init?(rfc3339 text: String) {
        self.init(unboundedRFC3339: text)
        guard Self.writable.contains(self) else { return nil }
    }

    /// The same for any time that RFC 3339 can spell, `writable` or not, for whoever tells a bad text from a bad time.
    package init?(unboundedRFC3339 text: String) {
        var scanner = DigitScanner(text)
        guard let year = scanner.digits(4), scanner.take("-"), let month = scanner.digits(2), scanner.take("-"),
            let day = scanner.digits(2), scanner.take("T") || scanner.take("t") || scanner.take(" "),
            let hour = scanner.digits(2), scanner.take(":"), let minute = scanner.digits(2), scanner.take(":"),
            let second = scanner.digits(2),
            (1...12).contains(month), hour < 24, minute < 60, second <= 60,
            day >= 1, day <= CivilDate.days(inMonth: month, ofYear: year)
        else { return nil }
        var fraction: Int64 = 0
        if scanner.take(".") {
            guard let (digits, count) = scanner.fraction(), count <= 9 else { return nil }
            fraction = digits
        }
        guard let offset = scanner.offsetSeconds(), scanner.isAtEnd else { return nil }
        let days = CivilDate(year: year, month: month, day: day).daysSince1970
        let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset
        microseconds = seconds * 1_000_000 + fraction
    }
}

extension Instant: Codable {
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rfc3339)
    }

    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let instant = Instant(rfc3339: text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "an RFC 3339 time with offset is expected"))
        }
        self = instant
    }
}

/// Days and dates of the proleptic Gregorian calendar.
struct CivilDate: Hashable {
    var year: Int64
    var month: Int64
    var day: Int64

    init(year: Int64, month: Int64, day: Int64) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// The 400-year cycle has 146,097 days; years are counted from March so that the leap day comes last.
    init(daysSince1970 days: Int64) {
        let shifted = days + 719_468
        let era = shifted.floorDivided(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    var daysSince1970: Int64 {
        let marchYear = month <= 2 ? year - 1 : year
        let era = marchYear.floorDivided(by: 400)
        let yearOfEra = marchYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    static func days(inMonth month: Int64, ofYear year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

extension Int64 {
    func floorDivided(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}

private struct DigitScanner {
    private var rest: Substring.UTF8View

    init(_ text: String) { rest = text[...].utf8 }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(character.value) else { return false }
        rest.removeFirst()
        return true
    }

    mutating func digit() -> Int64? {
        guard let byte = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        rest.removeFirst()
        return Int64(byte - UInt8(ascii: "0"))
    }

    mutating func digits(_ count: Int) -> Int64? {
        var value: Int64 = 0
        for _ in 0..<count {
            guard let digit = digit() else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    /// - Returns: microseconds, and how many digits stood there.
    mutating func fraction() -> (Int64, Int)? {
        var value: Int64 = 0
        var count = 0
        while let digit = digit() {
            if count < 6 { value = value * 10 + digit }
            count += 1
        }
        guard count > 0 else { return nil }
        for _ in min(count, 6)..<6 { value *= 10 }
        return (value, count)
    }

    mutating func offsetSeconds() -> Int64? {
        if take("Z") || take("z") { return 0 }
        let sign: Int64 = take("+") ? 1 : take("-") ? -1 : 0
        guard sign != 0, let hours = digits(2), take(":"), let minutes = digits(2), hours < 24, minutes < 60 else {
            return nil
        }
        return sign * (hours * 3_600 + minutes * 60)
    }
}
