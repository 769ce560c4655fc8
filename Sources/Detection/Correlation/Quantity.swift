/// A number in millionths, so that sums are exact and do not depend on the order in which they are made.
///
/// Read from a text that has it plainly (`12`, `-0.5`, `1e3`); whole numbers exactly, others to six decimal places.
/// Magnitudes are cut to 10^17: with as many entries as `CorrelationLimits` allows, each for 2^32 records, a sum of them
/// does not leave 128 bits.
package struct Quantity: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let millionths: Int128

    static let limit: Int128 = 100_000_000_000_000_000
    private static let scale: Int128 = 1_000_000

    init(millionths: Int128) { self.millionths = millionths }

    package init(_ number: Int) { millionths = Self.cut(Int128(number)) * Self.scale }

    /// - Returns: `nil` for what is no finite number.
    package init?(_ text: some StringProtocol) {
        if let whole = Int64(text) {
            millionths = Self.cut(Int128(whole)) * Self.scale
            return
        }
        guard let number = Double(text), number.isFinite, text.utf8.allSatisfy({ !Self.isHexMark($0) }) else {
            return nil
        }
        guard number.magnitude < Double(Self.limit) else {
            millionths = (number < 0 ? -Self.limit : Self.limit) * Self.scale
            return
        }
        let whole = number.rounded(.towardZero)
        millionths = Int128(whole) * Self.scale + Int128(((number - whole) * 1_000_000).rounded())
    }

    /// `Double` also reads `0x1p3`, which no log means as a measure.
    private static func isHexMark(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "x") || byte == UInt8(ascii: "X") }

    private static func cut(_ whole: Int128) -> Int128 { min(max(whole, -limit), limit) }

    package static func < (left: Quantity, right: Quantity) -> Bool { left.millionths < right.millionths }

    /// Decimal, without zeros at the end.
    package var description: String {
        let whole = millionths.magnitude / Self.scale.magnitude
        let rest = millionths.magnitude % Self.scale.magnitude
        let sign = millionths < 0 ? "-" : ""
        guard rest != 0 else { return "\(sign)\(whole)" }
        var digits = String(rest + Self.scale.magnitude).dropFirst()
        while digits.last == "0" { digits = digits.dropLast() }
        return "\(sign)\(whole).\(digits)"
    }
}
