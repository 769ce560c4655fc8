import Events
import Foundation

/// `leaves.bin` and `gaps.bin`: the tree's hashes as the package brings them, and the roots that they lead to.
struct LeafHashes {
    let manifest: PackageManifest
    private let folder: PackageFolder
    private let parts: [TreePart]
    private let reader: PackageReader
    /// Where each run begins, counted in leaves.
    private let offsets: [Int64]
    private var window: [UInt8] = []
    private var windowStart: Int64 = 0
    private var lastRun = 0

    private static let windowLeaves: Int64 = 8_192

    /// - Parameter cuts: sizes at which a root is wanted, beside the manifest's own; those in a gap are passed over.
    init(folder: PackageFolder, manifest: PackageManifest, cuts: [Int64]) throws(ProofError) {
        self.folder = folder
        self.manifest = manifest
        let inRuns = cuts.filter { size in
            size > 0 && manifest.runs.contains { size > $0.lowerBound && size < $0.upperBound }
        }
        parts = TreePart.parts(
            of: manifest.treeSize, runs: manifest.runs, cuts: Set(manifest.cuts + inRuns).sorted())
        reader = try PackageReader(folder, "leaves.bin")
        var offsets: [Int64] = []
        var offset: Int64 = 0
        for run in manifest.runs {
            offsets.append(offset)
            offset += Int64(run.count)
        }
        self.offsets = offsets
    }

    var count: Int64 { manifest.leafCount }

    /// How many hashes `gaps.bin` must hold.
    var gapCount: Int64 {
        parts.reduce(0) { count, part in
            if case .gap(let range) = part { count + Int64(Subtree.covering(range).count) } else { count }
        }
    }

    /// The index of a position among the leaves; nil: it is not in the package.
    mutating func index(of position: Int64) -> Int64? {
        if lastRun < manifest.runs.count, manifest.runs[lastRun].contains(position) {
            return offsets[lastRun] + position - manifest.runs[lastRun].lowerBound
        }
        var low = 0
        var high = manifest.runs.count
        while low < high {
            let middle = (low + high) / 2
            if manifest.runs[middle].upperBound <= position { low = middle + 1 } else { high = middle }
        }
        guard low < manifest.runs.count, manifest.runs[low].contains(position) else { return nil }
        lastRun = low
        return offsets[low] + position - manifest.runs[low].lowerBound
    }

    func position(at index: Int64) -> Int64? {
        guard index >= 0, index < count else { return nil }
        var low = 0
        var high = offsets.count - 1
        while low < high {
            let middle = (low + high + 1) / 2
            if offsets[middle] <= index { low = middle } else { high = middle - 1 }
        }
        return manifest.runs[low].lowerBound + index - offsets[low]
    }

    /// The leaf at an index below `count`; cheap in ascending order.
    mutating func leaf(at index: Int64) throws(ProofError) -> TreeHash {
        if index < windowStart || index >= windowStart + Int64(window.count / 32) {
            windowStart = index
            window = try reader.read(at: index * 32, count: Int(Self.windowLeaves) * 32)
            guard window.count >= 32 else { throw ProofError(.missing, "leaves.bin ends early") }
        }
        return TreeHash(window, at: Int(index - windowStart) * 32)
    }

    /// The root at each cut and at the tree's size, with some leaves replaced by others.
    mutating func roots(replacing: [Int64: TreeHash] = [:]) throws(ProofError) -> [Int64: TreeHash] {
        let gaps = try folder.read("gaps.bin")
        guard Int64(gaps.count) == gapCount * 32 else { throw ProofError(.missing, "gaps.bin ends early") }
        var gapOffset = 0
        var index: Int64 = 0
        var frontier = Frontier()
        var roots: [Int64: TreeHash] = [:]
        for part in parts {
            switch part {
            case .leaves(let range):
                for _ in range {
                    let leaf = try leaf(at: index)
                    frontier.append(replacing.isEmpty ? leaf : replacing[index] ?? leaf)
                    index += 1
                }
            case .gap(let range):
                for subtree in Subtree.covering(range) {
                    frontier.append(TreeHash(gaps, at: gapOffset), level: subtree.level)
                    gapOffset += 32
                }
            }
            roots[part.end] = frontier.root
        }
        roots[manifest.treeSize] = frontier.root
        roots[0] = .empty
        return roots
    }
}
