import Cases
import EventLog
import Events
import Foundation
import JSON
import Postgres
import Projections
import Proof
import Schema
import Sealing
import Server
import Synchronization

/// Writing for people and for machines.
enum Terminal {
    /// Writes a line of a result on standard output, at once: other programs wait for it.
    /// - Throws: `OutputFailure`, which ends the command: nobody gets the rest of the result.
    static func print(_ line: String) throws {
        do {
            try OutputDescriptor.standardOutput.write(Array((line + "\n").utf8))
        } catch {
            throw OutputFailure(cause: error)
        }
    }

    static func print(_ value: JSONValue) throws {
        try print(value.canonicalString())
    }

    /// Writes a line of what a server tells while it runs. A server goes on when nobody can read it.
    static func tell(_ line: String) {
        do {
            try print(line)
        } catch {
            let isFirst = hasFailed.withLock { failed in
                defer { failed = true }
                return !failed
            }
            if isFirst { note("\(error)") }
        }
    }

    static func tell(_ value: JSONValue) { tell(value.canonicalString()) }

    private static let hasFailed = Mutex(false)

    /// Writes a note that is not part of the result on standard error. A note that cannot be written is lost.
    static func note(_ line: String) { write(toStandardError: line + "\n") }

    static func write(toStandardError text: String) {
        do throws(OutputDescriptor.Failure) {
            try OutputDescriptor.standardError.write(Array(text.utf8), patienceMs: 1_000)
        } catch {
            // Standard error is where this would be said.
        }
    }

    static var isInteractive: Bool { isatty(STDOUT_FILENO) == 1 }

    static func bold(_ text: String) -> String { isInteractive ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
    static func dim(_ text: String) -> String { isInteractive ? "\u{1B}[2m\(text)\u{1B}[0m" : text }
    static func green(_ text: String) -> String { isInteractive ? "\u{1B}[32m\(text)\u{1B}[0m" : text }
}

/// What went wrong, where, and what to do: printed on standard error, exit status 1.
struct CommandFailure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }

    /// What an operator can mend, without code names and places in the sources.
    static func plain(_ error: any Error) -> any Error {
        switch error {
        case let error as PostgresError where error.code == .embeddedCluster:
            CommandFailure(error.message + (error.cause.map { ": \(plain($0))" } ?? ""))
        case let error as EventLogError where error.code == .tenantKey: CommandFailure(error.message)
        case let error as SealingError: CommandFailure(error.description)
        case is PostgresError, is EventLogError, is SchemaError, is ProofError, is ProjectionError:
            CommandFailure(withoutPlaces("\(error)"))
        case Rejection.validation(let errors), Rejection.irreversibleAction(let errors):
            CommandFailure(errors.map(\.text).joined(separator: "; "))
        case let error as CocoaError:
            CommandFailure(
                error.localizedDescription + (error.userInfo[NSFilePathErrorKey].map { " (\($0))" } ?? ""))
        default: error
        }
    }

    /// `connectionFailed: no route (Postgres/Wire.swift:7)` is `no route`.
    private static func withoutPlaces(_ text: String) -> String {
        text.replacing(#/\s\([A-Za-z]+/[A-Za-z+]+\.swift:[0-9]+\)/#, with: "")
            .replacing(#/(^|because: )[a-z]+[A-Za-z]*: /#) { $0.output.1 }
            .replacing("because: because: ", with: "because: ")
    }
}

extension FieldError {
    /// For people: where, and what is wrong there.
    var text: String { pointer.isEmpty ? detail : "\(pointer): \(detail)" }
}

/// Standard output cannot be written: the disk is full, or whoever read it has left.
struct OutputFailure: Error, CustomStringConvertible {
    /// What a shell reports for a program that SIGPIPE ended.
    static let brokenPipeStatus: Int32 = 128 + SIGPIPE

    var cause: OutputDescriptor.Failure
    var description: String { "standard output cannot be written: \(cause)" }
}
