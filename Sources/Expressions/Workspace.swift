internal import CPCRE2

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// What a search needs besides the text: memory that is kept, one for each thread, so that a search allocates nothing.
final class Workspace {
    let data: OpaquePointer
    let context: OpaquePointer

    /// KiB of memory for the interpreter's backtracking points.
    private static let heapLimit: UInt32 = 16_384

    private init?() {
        // Whether there is a match is all that is asked, so one pair of offsets is enough.
        guard let data = pcre2_match_data_create_8(1, nil) else { return nil }
        guard let context = pcre2_match_context_create_8(nil) else {
            pcre2_match_data_free_8(data)
            return nil
        }
        pcre2_set_heap_limit_8(context, Self.heapLimit)
        self.data = data
        self.context = context
    }

    deinit {
        pcre2_match_context_free_8(context)
        pcre2_match_data_free_8(data)
    }

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        let result = pthread_key_create(&key) { pointer in
            if let pointer { Unmanaged<Workspace>.fromOpaque(pointer).release() }
        }
        precondition(result == 0, "the process has no thread-specific storage left")
        return key
    }()

    /// - Returns: `nil` where there is no memory.
    static func forThisThread() -> Workspace? {
        if let pointer = pthread_getspecific(key) {
            return Unmanaged<Workspace>.fromOpaque(pointer).takeUnretainedValue()
        }
        guard let made = Workspace() else { return nil }
        pthread_setspecific(key, Unmanaged.passRetained(made).toOpaque())
        return made
    }
}
