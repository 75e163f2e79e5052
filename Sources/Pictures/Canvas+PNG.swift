import CPNG
package import Files

extension Canvas {
    /// The picture as a PNG file of 8 bits a channel.
    ///
    /// - Throws: `BuildError` if libpng refuses.
    package func png() throws(BuildError) -> [UInt8] {
        var image = png_image()
        image.version = png_uint_32(PNG_IMAGE_VERSION)
        image.width = png_uint_32(width)
        image.height = png_uint_32(height)
        image.format = png_uint_32(PNG_FORMAT_FLAG_COLOR)
        defer { png_image_free(&image) }
        // No PNG is larger than its rows uncompressed, with a little for each row and the frame around.
        var size = png_alloc_size_t(bytes.count + bytes.count / 8 + height * 16 + 4096)
        var isWritten = false
        let png = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            isWritten =
                png_image_write_to_memory(
                    &image, buffer.baseAddress, &size, 0, bytes, Int32(width * 3), nil) != 0
            count = isWritten ? size : 0
        }
        guard isWritten else {
            throw BuildError(
                .inputOutput, "libpng refuses a picture of \(width) × \(height)", canRetry: false)
        }
        return png
    }
}
