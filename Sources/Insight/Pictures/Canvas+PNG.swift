import Build
import CPNG

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension Canvas {
    /// Writes the picture as a PNG file of 8 bits a channel.
    ///
    /// - Throws: `BuildError` if the file cannot be written.
    func writePNG(_ path: String) throws(BuildError) {
        var image = png_image()
        image.version = png_uint_32(PNG_IMAGE_VERSION)
        image.width = png_uint_32(width)
        image.height = png_uint_32(height)
        image.format = png_uint_32(PNG_FORMAT_FLAG_COLOR)
        defer { png_image_free(&image) }
        guard png_image_write_to_file(&image, path, 0, bytes, Int32(width * 3), nil) == 0 else { return }
        throw BuildError(
            .inputOutput,
            "cannot write \(path): \(errno == 0 ? "libpng refuses" : String(cString: strerror(errno)))",
            canRetry: false)
    }
}
