import Foundation

/// The Wilson score interval of a proportion (E. B. Wilson, 1927): honest for small n and for shares near 1, where the
/// textbook interval pretends to certainty.
package struct WilsonInterval: Codable, Sendable, Hashable {
    package var method: String
    package var level: Double
    package var lower: Double
    package var upper: Double

    /// - Returns: `nil` for n = 0, where nothing can be said.
    package init?(successes: Int, of n: Int, level: Double) {
        guard n > 0, successes >= 0, successes <= n else { return nil }
        let z = Self.normalQuantile(0.5 + level / 2)
        let count = Double(n)
        let share = Double(successes) / count
        let denominator = 1 + z * z / count
        let centre = (share + z * z / (2 * count)) / denominator
        let half = z / denominator * (share * (1 - share) / count + z * z / (4 * count * count)).squareRoot()
        method = "wilson"
        self.level = level
        lower = Self.rounded(max(0, centre - half))
        upper = Self.rounded(min(1, centre + half))
    }

    /// To nine decimals: enough for every use, and the same on every machine.
    private static func rounded(_ value: Double) -> Double { (value * 1e9).rounded() / 1e9 }

    /// The quantile of the standard normal distribution by bisection on `erfc`, exact to the last bits and free of
    /// magic coefficients.
    static func normalQuantile(_ probability: Double) -> Double {
        var low = -40.0
        var high = 40.0
        for _ in 0..<200 {
            let middle = (low + high) / 2
            if 0.5 * erfc(-middle / 2.0.squareRoot()) < probability { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }
}
