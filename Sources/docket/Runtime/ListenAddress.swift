import ArgumentParser
import Foundation
import NIOCore

/// The address that a server is to listen on, checked before anything else is started.
struct ListenAddress: Sendable {
    let host: String
    /// 0 takes a free one.
    let port: Int
    /// The option that names it, for messages.
    let option: String

    /// - Parameter text: `127.0.0.1:8080`, `[::1]:0`, `:8080`.
    init(_ text: String, option: String) throws {
        let pieces = text.split(separator: ":", omittingEmptySubsequences: false)
        guard pieces.count >= 2, let port = Int(pieces[pieces.count - 1]), (0...65_535).contains(port) else {
            throw ValidationError("\(option) is ADDRESS:PORT, for example 127.0.0.1:8080")
        }
        let name = pieces.dropLast().joined(separator: ":").trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        host = name.isEmpty ? "127.0.0.1" : name
        self.port = port
        self.option = option
    }

    /// Binds the address for a moment.
    /// - Throws: `CommandFailure` in plain words when it is taken, forbidden, or not one of this machine.
    func check() throws {
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &found) == 0, let first = found else {
            throw CommandFailure("\(option): the host '\(host)' is not known here")
        }
        defer { freeaddrinfo(found) }
        let descriptor = socket(first.pointee.ai_family, first.pointee.ai_socktype, first.pointee.ai_protocol)
        guard descriptor >= 0 else { throw CommandFailure("\(option): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        // A busy port of another socket is only found by listening, where both may reuse the address.
        if bind(descriptor, first.pointee.ai_addr, first.pointee.ai_addrlen) != 0 || listen(descriptor, 1) != 0 {
            throw failure(errno)
        }
    }

    /// What a server says that could not listen after all, in the same words.
    func translated(_ error: any Error) -> any Error {
        guard let error = error as? IOError else { return error }
        switch error.errnoCode {
        case EADDRINUSE, EADDRNOTAVAIL, EACCES: return failure(error.errnoCode)
        default: return error
        }
    }

    private func failure(_ code: Int32) -> CommandFailure {
        let address = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        return switch code {
        case EADDRINUSE:
            CommandFailure("\(address) is in use by another program: stop it, or choose another with \(option)")
        case EADDRNOTAVAIL:
            CommandFailure("\(host) is not an address of this machine: choose another with \(option)")
        case EACCES:
            CommandFailure("port \(port) is reserved for root: choose one above 1023 with \(option)")
        default: CommandFailure("\(address) cannot be listened on: \(String(cString: strerror(code)))")
        }
    }
}
