#if arch(x86_64)
    import _Builtin_intrinsics.intel.sse
#endif

/// Floats at a fixed place, on a 64-byte boundary, zero at first.
///
/// The fixed alignment keeps FFTW on one code path, so that results do not differ in the last bit.
final class FloatBuffer {
    let pointer: UnsafeMutablePointer<Float>
    let count: Int

    init(count: Int) {
        self.count = count
        let raw = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * 4, alignment: 64)
        pointer = raw.initializeMemory(as: Float.self, repeating: 0, count: max(count, 1))
    }

    convenience init(_ values: [Float]) {
        self.init(count: values.count)
        pointer.update(from: values, count: values.count)
    }

    deinit { UnsafeMutableRawPointer(pointer).deallocate() }
}

extension UnsafePointer<Float> {
    /// Eight floats from here, at any alignment.
    @inline(__always) var eight: SIMD8<Float> {
        UnsafeRawPointer(self).loadUnaligned(as: SIMD8<Float>.self)
    }
    /// Four floats from here, at any alignment.
    @inline(__always) var four: SIMD4<Float> {
        UnsafeRawPointer(self).loadUnaligned(as: SIMD4<Float>.self)
    }
}

extension UnsafeMutablePointer<Float> {
    /// Eight floats from here, at any alignment.
    @inline(__always) var eight: SIMD8<Float> {
        get { UnsafeRawPointer(self).loadUnaligned(as: SIMD8<Float>.self) }
        nonmutating set { UnsafeMutableRawPointer(self).storeBytes(of: newValue, as: SIMD8<Float>.self) }
    }
    /// Four floats from here, at any alignment.
    @inline(__always) var four: SIMD4<Float> {
        get { UnsafeRawPointer(self).loadUnaligned(as: SIMD4<Float>.self) }
        nonmutating set { UnsafeMutableRawPointer(self).storeBytes(of: newValue, as: SIMD4<Float>.self) }
    }
}

extension SIMD8<Float> {
    @inline(__always) var bitPattern: SIMD8<UInt32> { unsafeBitCast(self, to: SIMD8<UInt32>.self) }
    @inline(__always) init(bitPattern: SIMD8<UInt32>) {
        self = unsafeBitCast(bitPattern, to: SIMD8<Float>.self)
    }

    /// Each without its sign.
    @inline(__always) var magnitude: SIMD8<Float> { SIMD8(bitPattern: bitPattern & 0x7FFF_FFFF) }

    /// The square roots.
    ///
    /// `squareRoot()` takes them one by one, with a branch after each for the C library's error number.
    @inline(__always) var roots: SIMD8<Float> {
        #if arch(x86_64)
            SIMD8(lowHalf: _mm_sqrt_ps(lowHalf), highHalf: _mm_sqrt_ps(highHalf))
        #else
            squareRoot()
        #endif
    }

    /// The greatest of the eight.
    @inline(__always) var greatest: Float {
        let four = lowHalf.replacing(with: highHalf, where: highHalf .> lowHalf)
        let two = four.lowHalf.replacing(with: four.highHalf, where: four.highHalf .> four.lowHalf)
        return two[0] > two[1] ? two[0] : two[1]
    }
}
