import Events
import Foundation

/// Whose signatures count, and what they say: everything about a package that is not events.
struct TrustCheck {
    let folder: PackageFolder
    let manifest: PackageManifest
    private(set) var keys: [VerifierKey]
    private(set) var findings: [Finding] = []
    /// The package's checkpoint as it reads, whoever signed it; nil when its signature is false.
    private(set) var checkpoint: Checkpoint?
    private(set) var checkpointIsTrusted = false
    /// Further checkpoints by size, signed by trusted keys.
    private(set) var further: [Int64: Checkpoint] = [:]
    /// The one that the caller brought.
    private(set) var given: Checkpoint?
    private(set) var manifestIsSigned = false

    init(folder: PackageFolder, manifest: PackageManifest, key: VerifierKey?) throws(ProofError) {
        self.folder = folder
        self.manifest = manifest
        keys = key.map { [$0] } ?? manifest.keys
        var notes: [SignedNote] = []
        for file in manifest.files where file.path.hasPrefix("handovers/") && folder.exists(file.path) {
            do {
                notes.append(try SignedNote(try folder.read(file.path, upTo: SignedNote.byteLimit)))
            } catch  where error.code == .malformed {
                findings.append(Finding(.packageMalformed, file: file.path, "this is no signed note"))
            }
        }
        keys = KeyHandover.trusted(from: keys, over: notes, origin: manifest.origin)
    }

    mutating func check(_ bytes: [UInt8], given note: SignedNote?) throws(ProofError) {
        try checkManifestNote(bytes)
        let main = try read("checkpoint")
        checkpoint = main?.checkpoint
        checkpointIsTrusted = main?.isTrusted ?? false
        if let size = checkpoint?.size, size != manifest.treeSize {
            findings.append(Finding(.packageMalformed, file: "manifest.json", "tree_size is not the checkpoint's"))
            checkpoint = nil
        }
        for size in manifest.cuts {
            guard let other = try read("checkpoints/\(size)"), other.isTrusted else { continue }
            if other.checkpoint.size == size {
                further[size] = other.checkpoint
            } else {
                findings.append(Finding(.packageMalformed, file: "checkpoints/\(size)", "it is of another size"))
            }
        }
        if let note {
            given = judge(note, "the checkpoint given").flatMap { $0.isTrusted ? $0.checkpoint : nil }
        }
    }

    /// The manifest is believed in what nothing else vouches for (counts, files, times) only as signed.
    private mutating func checkManifestNote(_ bytes: [UInt8]) throws(ProofError) {
        let file = "manifest.note"
        guard folder.exists(file) else {
            findings.append(Finding(.manifestForged, file: file, "the manifest is not signed"))
            return
        }
        do {
            let note = try SignedNote(try folder.read(file, upTo: SignedNote.byteLimit))
            _ = try note.verify(by: keys)
            guard note.text == ManifestNote.text(origin: manifest.origin, bytes) else {
                findings.append(Finding(.manifestForged, file: file, "another manifest was signed"))
                return
            }
            manifestIsSigned = true
        } catch  where error.code == .unknownKey {
            findings.append(Finding(.wrongKey, file: file, "the manifest is signed by no trusted key"))
        } catch  where error.code == .files {
            throw error
        } catch {
            findings.append(Finding(.manifestForged, file: file, "the manifest's signature is not valid"))
        }
    }

    private mutating func read(_ path: String) throws(ProofError) -> (checkpoint: Checkpoint, isTrusted: Bool)? {
        guard folder.exists(path) else {
            findings.append(Finding(.packageMalformed, file: path, "it is not there"))
            return nil
        }
        let bytes = try folder.read(path, upTo: SignedNote.byteLimit)
        do {
            return judge(try SignedNote(bytes), path)
        } catch {
            findings.append(Finding(.checkpointForged, file: path, "this is no signed note"))
            return nil
        }
    }

    /// nil: its signature is false, or it is no checkpoint of this log.
    private mutating func judge(_ note: SignedNote, _ file: String) -> (checkpoint: Checkpoint, isTrusted: Bool)? {
        do {
            let checkpoint = try Checkpoint(text: note.text)
            guard checkpoint.origin == manifest.origin else {
                findings.append(Finding(.checkpointForged, file: file, "it is of the log \(checkpoint.origin)"))
                return nil
            }
            _ = try note.verify(by: keys)
            return (checkpoint, true)
        } catch  where error.code == .unknownKey {
            findings.append(Finding(.wrongKey, file: file, "it is signed by no trusted key"))
            do {
                return (try Checkpoint(text: note.text), false)
            } catch {
                return nil
            }
        } catch {
            findings.append(Finding(.checkpointForged, file: file, "its signature or its text is not valid"))
            return nil
        }
    }
}
