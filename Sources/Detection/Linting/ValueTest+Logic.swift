/// What one question to a value says about another; both are `false` where nothing is known.
extension ValueTest {
    /// Whether any value at all is as the test wants it, as far as is known.
    var isPossible: Bool {
        switch self {
        case .number(let test): !test.bound.isNaN
        case .time(let test): test.part.range.contains { test.holds($0) }
        case .text, .expression, .network: true
        }
    }

    /// Whether each text for which this holds is one for which the other holds as well.
    func implies(_ other: ValueTest) -> Bool {
        switch (self, other) {
        case (.text(let one), .text(let two)) where two.isCased && !one.isCased:
            return two.matcher == .anything || one.matcher == two.matcher && one.matcher.isCaseless
        case (.text(let one), .text(let two)):
            let matcher = one.isCased && !two.isCased ? one.matcher.folded : one.matcher
            return matcher?.implies(two.matcher) ?? (two.matcher == .anything)
        case (.number(let one), .number(let two)): return one.implies(two)
        case (.network(let one), .network(let two)): return two.covers(one)
        case (.time(let one), .time(let two)):
            return one.part == two.part && one.part.range.allSatisfy { !one.holds($0) || two.holds($0) }
        case (.text(let one), _):
            // Numbers, addresses and dates read the same in either case.
            guard case .equals(let bytes) = one.matcher else { return false }
            if case .expression = other, !one.isCased, !one.matcher.isCaseless { return false }
            return other.holds(EventText(String(decoding: bytes, as: UTF8.self)))
        default: return false
        }
    }

    /// Whether there is no text for which both hold.
    func excludes(_ other: ValueTest) -> Bool {
        switch (self, other) {
        case (.text(let one), .text(let two)):
            if one.isCased && two.isCased || !one.isCased && !two.isCased { return one.matcher.excludes(two.matcher) }
            guard let left = one.isCased ? one.matcher.folded : one.matcher,
                let right = two.isCased ? two.matcher.folded : two.matcher
            else { return false }
            return left.excludes(right)
        case (.number(let one), .number(let two)): return one.excludes(two)
        case (.network(let one), .network(let two)): return !one.covers(two) && !two.covers(one)
        case (.time(let one), .time(let two)):
            return one.part == two.part && !one.part.range.contains { one.holds($0) && two.holds($0) }
        case (.text(let one), _):
            guard case .equals(let bytes) = one.matcher else { return false }
            if case .expression = other, !one.isCased, !one.matcher.isCaseless { return false }
            return !other.holds(EventText(String(decoding: bytes, as: UTF8.self)))
        case (_, .text): return other.excludes(self)
        default: return false
        }
    }
}

extension TextMatcher {
    /// The plain bytes of it; a pattern with wildcards inside has none.
    private var bytes: [UInt8]? {
        switch self {
        case .equals(let bytes), .begins(let bytes), .ends(let bytes), .contains(let bytes): bytes
        case .glob, .anything: nil
        }
    }

    /// Whether upper and lower case are the same for all that it asks for.
    var isCaseless: Bool {
        guard let bytes else { return self == .anything }
        return !bytes.contains { (65...90).contains($0) || (97...122).contains($0) || $0 >= 128 }
    }

    /// The same for texts whose case is folded; `nil` where folding depends on more than the single character.
    var folded: TextMatcher? {
        guard let bytes else { return self == .anything ? self : nil }
        guard !bytes.contains(where: { $0 >= 128 }) else { return nil }
        let folded = EventText.folded(bytes)
        switch self {
        case .equals: return .equals(folded)
        case .begins: return .begins(folded)
        case .ends: return .ends(folded)
        case .contains: return .contains(folded)
        case .glob, .anything: return nil
        }
    }

    /// Of two that look at the text in the same way.
    func implies(_ other: TextMatcher) -> Bool {
        if self == other || other == .anything { return true }
        switch (self, other) {
        case (.equals(let bytes), _): return other.matches(bytes.span)
        case (.begins(let bytes), .begins), (.begins(let bytes), .contains): return other.matches(bytes.span)
        case (.ends(let bytes), .ends), (.ends(let bytes), .contains): return other.matches(bytes.span)
        case (.contains(let bytes), .contains): return other.matches(bytes.span)
        default: return false
        }
    }

    /// Of two that look at the text in the same way.
    func excludes(_ other: TextMatcher) -> Bool {
        switch (self, other) {
        case (.equals(let bytes), _): !other.matches(bytes.span)
        case (_, .equals(let bytes)): !matches(bytes.span)
        case (.begins(let one), .begins(let two)): !one.starts(with: two) && !two.starts(with: one)
        case (.ends(let one), .ends(let two)):
            !one.reversed().starts(with: two.reversed()) && !two.reversed().starts(with: one.reversed())
        default: false
        }
    }
}

extension NumberTest {
    fileprivate func implies(_ other: NumberTest) -> Bool {
        switch (comparison, other.comparison) {
        case (.lt, .lt), (.lt, .lte), (.lte, .lte): bound <= other.bound
        case (.lte, .lt): bound < other.bound
        case (.gt, .gt), (.gt, .gte), (.gte, .gte): bound >= other.bound
        case (.gte, .gt): bound > other.bound
        default: false
        }
    }

    fileprivate func excludes(_ other: NumberTest) -> Bool {
        switch (comparison, other.comparison) {
        case (.lt, .gt), (.lt, .gte), (.lte, .gt): bound <= other.bound
        case (.lte, .gte): bound < other.bound
        case (.gt, .lt), (.gte, .lt), (.gt, .lte): bound >= other.bound
        case (.gte, .lte): bound > other.bound
        default: false
        }
    }
}

extension NetworkRange {
    /// Whether each address of the other range is one of this.
    fileprivate func covers(_ other: NetworkRange) -> Bool {
        guard address.count == other.address.count, prefix <= other.prefix else { return false }
        return (0..<prefix).allSatisfy { bit in
            let mask: UInt8 = 0x80 >> UInt8(bit % 8)
            return address[bit / 8] & mask == other.address[bit / 8] & mask
        }
    }
}
