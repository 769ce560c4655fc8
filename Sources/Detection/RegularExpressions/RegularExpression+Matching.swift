extension RegularExpression {
    /// Whether the expression matches anywhere in a UTF-8 text; bytes that are not UTF-8 count as U+FFFD.
    package func matches(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= shortest else { return false }
        let scalars = String(decoding: bytes.prefix(Self.inputLimit), as: UTF8.self).unicodeScalars.map(\.value)
        guard scalars.count >= shortest else { return false }
        var run = Run(program: program, sets: sets, input: scalars)
        return run.search()
    }

    package func matches(_ text: String) -> Bool { matches(Array(text.utf8)) }
}

/// All threads of one search, at one position of the input after the other.
private struct Run {
    let program: [RegularExpression.Instruction]
    let sets: [ScalarSet]
    let input: [UInt32]
    var threads: [Int] = []
    var following: [Int] = []
    /// The position (plus one) at which an instruction was last added, so that none is added twice.
    var added: [Int]
    var stack: [Int] = []

    init(program: [RegularExpression.Instruction], sets: [ScalarSet], input: [UInt32]) {
        self.program = program
        self.sets = sets
        self.input = input
        added = Array(repeating: 0, count: program.count)
    }

    mutating func search() -> Bool {
        for position in 0...input.count {
            if follow(0, at: position) { return true }
            swap(&threads, &following)
            following.removeAll(keepingCapacity: true)
            guard position < input.count else { break }
            let scalar = input[position]
            for thread in threads where consumes(thread, scalar) {
                if follow(thread + 1, at: position + 1) { return true }
            }
        }
        return false
    }

    private func consumes(_ thread: Int, _ scalar: UInt32) -> Bool {
        switch program[thread] {
        case .scalar(let value): value == scalar
        case .set(let index): sets[index].contains(scalar)
        case .any: true
        case .anyButNewline: scalar != 10
        default: false
        }
    }

    /// Adds an instruction and whatever it leads to without reading; true when that is the end of the program.
    private mutating func follow(_ start: Int, at position: Int) -> Bool {
        stack.append(start)
        while let next = stack.popLast() {
            if added[next] == position + 1 { continue }
            added[next] = position + 1
            switch program[next] {
            case .match:
                stack.removeAll(keepingCapacity: true)
                return true
            case .jump(let target): stack.append(target)
            case .split(let first, let second):
                stack.append(second)
                stack.append(first)
            case .scalar, .set, .any, .anyButNewline: following.append(next)
            default: if holds(program[next], at: position) { stack.append(next + 1) }
            }
        }
        return false
    }

    private func holds(_ assertion: RegularExpression.Instruction, at position: Int) -> Bool {
        switch assertion {
        case .textStart: position == 0
        case .textEnd: position == input.count || (position == input.count - 1 && input[position] == 10)
        case .lineStart: position == 0 || input[position - 1] == 10
        case .lineEnd: position == input.count || input[position] == 10
        case .wordBoundary(let wanted): (isWord(position - 1) != isWord(position)) == wanted
        default: false
        }
    }

    private func isWord(_ position: Int) -> Bool {
        guard input.indices.contains(position) else { return false }
        switch input[position] {
        case 48...57, 65...90, 95, 97...122: return true
        default: return false
        }
    }
}
