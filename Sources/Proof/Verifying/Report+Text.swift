import Events

extension Report {
    /// The report for a terminal: a line a finding, then what the verdict rests on.
    package var text: String {
        var lines = findings.map(\.text)
        if let manifest {
            let runs = manifest.runs.map {
                $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound - 1)"
            }
            let shown = runs.prefix(8).joined(separator: ", ") + (runs.count > 8 ? ", … (\(runs.count) runs)" : "")
            lines.append("Log        \(manifest.origin)")
            lines.append("Positions  \(shown.isEmpty ? "none" : shown)")
            lines.append("Sealed     \(manifest.sealed.text("open"))")
            lines.append("Raw input  \(manifest.evidence.text("included"))")
        }
        for key in keys { lines.append("Key        \(key.name) \(key.fingerprint.text)") }
        if !keyWasGiven {
            lines.append("No key was given: compare the fingerprints with what you have from elsewhere.")
        }
        if let checkpoint, isClean {
            lines.append("Nothing found. \(events) events, proven in the tree of \(checkpoint.size).")
        } else {
            let origin =
                isAsExported
                ? "The package is as it was exported: what was altered was altered before."
                : "The package is not as it was exported."
            lines.append("\(findings.count) findings. \(origin)")
        }
        return lines.map { $0 + "\n" }.joined()
    }
}

extension Finding {
    package var text: String {
        let place =
            switch positions {
            case nil: ""
            case .some(let range) where range.count == 1: " \(range.lowerBound)"
            case .some(let range): " \(range.lowerBound)-\(range.upperBound)"
            }
        return "\(self.class.rawValue)\(place): \(detail) (\(file ?? "tree"))"
    }
}

extension PackageManifest.Counts {
    fileprivate func text(_ word: String) -> String { "\(open) \(word), \(erased) erased, \(withheld) withheld" }
}
