/// How often each of some known numbers occurs, and which of them stands at a rank: a binary indexed tree (Fenwick
/// 1994). Adding, taking away and finding take time logarithmic in the count of different numbers.
struct RankTree {
    /// Different ones, ascending.
    private let numbers: [Int128]
    private var sums: [Int]
    private(set) var count = 0

    /// - Parameter numbers: all that will ever be added.
    init(_ numbers: some Sequence<Int128>) {
        self.numbers = Set(numbers).sorted()
        sums = Array(repeating: 0, count: self.numbers.count + 1)
    }

    mutating func add(_ number: Int128, times: Int) {
        var low = 0
        var high = numbers.count
        while low < high {
            let middle = low + (high - low) / 2
            if numbers[middle] < number { low = middle + 1 } else { high = middle }
        }
        count += times
        var index = low + 1
        while index < sums.count {
            sums[index] += times
            index += index & -index
        }
    }

    /// The number at a rank, from 1 through `count`, in ascending order.
    func number(at rank: Int) -> Int128 {
        var left = rank
        var place = 0
        var step = 1
        while step * 2 < sums.count { step *= 2 }
        while step > 0 {
            if place + step < sums.count, sums[place + step] < left {
                place += step
                left -= sums[place]
            }
            step /= 2
        }
        return numbers[min(place, numbers.count - 1)]
    }
}
