import Events
import Foundation

/// `README.txt`: the package told to the person who has to judge it.
enum PackageReadme {
    static func text(_ manifest: PackageManifest) -> [UInt8] {
        let scope =
            switch manifest.scope {
            case .range:
                "All events of the positions "
                    + (manifest.runs.first.map { "\($0.lowerBound) to \($0.upperBound - 1)" } ?? "(none)") + "."
            case .stream(let id): "The events of the case \(id.lowercased)."
            }
        let keys = manifest.keys.map { "  \($0.name)\n    \($0.fingerprint.text)\n    \($0.text)" }
            .joined(separator: "\n")
        let text = """
            EVIDENCE PACKAGE (\(PackageManifest.format))

            Tenant    \(manifest.tenant.lowercased)
            Log       \(manifest.origin), \(manifest.treeSize) events when the checkpoint was signed
            Holds     \(scope)
                      \(manifest.events) events; sealed values: \(manifest.sealed.open) open, \
            \(manifest.sealed.erased) erased, \(manifest.sealed.withheld) withheld;
                      raw input: \(manifest.evidence.open) included, \(manifest.evidence.erased) erased, \
            \(manifest.evidence.withheld) withheld
            Made      \(manifest.createdAt) by \(manifest.tool)

            HOW TO VERIFY

            Neither program needs a network, a database or the people who made this package.

              docket audit verify --key KEY PACKAGE
              python3 verify_package.py --key KEY PACKAGE

            The second one is independent of the first: Python with the package `cryptography`, a few hundred
            lines to read. It is in the folder Documentation of Docket, beside EvidencePackage.md, which defines
            every byte of this package. Exit code 0: nothing found. 2: something found, each with class and
            position. 1: the package cannot be read.

            KEY is the log's public key, got from somewhere else than this package: on paper, by telephone, from an
            earlier audit. Without --key the programs use the keys below, and then all hangs on you comparing the
            fingerprints:

            \(keys)

            If you hold a checkpoint of this log from an earlier day, from a witness or from another auditor, add
            --checkpoint FILE. It proves that what you saw then is still the beginning of what you see now.

            WHAT IS PROVEN

            - Each event is, byte for byte, the one that the log's signed checkpoint commits to: type, time, order,
              author, content. A changed, added, removed, repeated or moved event is named by its position.
            - A range is complete: no event between its first and last position is missing.
            - A case is complete up to its last event here: versions of the case count 1, 2, 3 without a gap.
            - Opened sealed values and raw input are those that were recorded at the time.
            - The time `recorded_at` only ever went forward.

            WHAT IS NOT PROVEN

            - That what was recorded is true. `occurred_at` is what the source claimed.
            - That the clock was right.
            - For a case: that nothing was recorded after the last event here. Ask for the whole range up to the
              checkpoint if that matters.
            - That there is no second, different log with the same key. Compare checkpoints with somebody who got
              theirs independently (a witness, another auditor, last year's package).
            - What erased values said. Their digests remain, so that the proof of everything else still holds.

            FILES

            events.ndjson          one event a line: header, copies for queries (columns), exact body
            sealed.ndjson          personal values apart from the events, with the salt of each digest
            evidence.ndjson        raw input that events name by digest; the bytes in evidence/
            leaves.bin, gaps.bin   the hashes that lead from the events to the root
            checkpoint             the signed statement: log, number of events, root
            checkpoints/           further ones, of smaller sizes
            handovers/             how one signing key named the next
            manifest.json          what is in here, with the digest of every file
            manifest.note          the signature of the manifest
            record_integrity.json  this export as an OCSF 1.9 event

            """
        return Array(text.utf8)
    }
}
