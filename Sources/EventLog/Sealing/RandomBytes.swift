import Crypto
import Glibc

/// Bytes from the kernel's generator (getentropy(3)), all of one value in one call: the library asks for eight at a time,
/// which was a twentieth of what taking in alerts cost.
enum RandomBytes {
    static func make(_ count: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            guard let start = buffer.baseAddress, unsafe getentropy(start, count) == 0 else {
                fatalError("the kernel gives no random bytes, so nothing can be sealed")
            }
            filled = count
        }
    }

    static func key() -> SymmetricKey { SymmetricKey(data: make(32)) }
}
