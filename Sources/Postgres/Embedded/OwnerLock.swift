import Glibc

/// The right to run the cluster of one data directory, as an flock that the kernel drops when the process ends, however
/// it ends. The file names its holder, for the message to the one who comes second.
final class OwnerLock: Sendable {
    private let descriptor: Int32

    init(path: String, subject: String) throws(PostgresError) {
        descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw PostgresError(.embeddedCluster, "cannot open \(path): \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            var bytes = [UInt8](repeating: 0, count: 32)
            let count = pread(descriptor, &bytes, bytes.count, 0)
            Glibc.close(descriptor)
            let holder =
                String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
                .split(whereSeparator: \.isNewline).first.map(String.init) ?? "unknown"
            throw PostgresError(
                .embeddedCluster,
                "\(subject) is in use by process \(holder): stop that process, or use another directory")
        }
        let text = Array("\(getpid())\n".utf8)
        guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, text, text.count, 0) == text.count else {
            Glibc.close(descriptor)
            throw PostgresError(.embeddedCluster, "cannot write \(path): \(String(cString: strerror(errno)))")
        }
    }

    deinit { Glibc.close(descriptor) }
}
