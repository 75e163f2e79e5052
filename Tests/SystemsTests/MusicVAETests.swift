import Build
import Loading
import Tensors
import Testing
import Torch
import Training

@testable import Systems

struct MusicVAETests {
    /// Float64 within rounding of another order of sums, float32 within what its 24 bits leave after a few thousand.
    static let limits: [(String, ElementType, Double)] = [("f64", .f64, 1e-9), ("f32", .f32, 1e-4)]

    @Test(arguments: [0, 1])
    func theAutoencoderIsPyTorchs(_ precision: Int) async throws {
        try await onTorch {
            let (label, type, limit) = Self.limits[precision]
            let golden = try Golden("systems-000-vae")
            let sizes = VAENetwork.Sizes(
                steps: 12, parts: 3, columns: 10, latents: 6, encoder: 7, conductor: 5, decoder: 8)
            let network = try VAENetwork(sizes)
            try network.load(golden.weights(of: "vae"))
            try network.convert(to: type)
            let roll = try golden.tensor("vae/input.roll", type)
            let (mean, deviation) = try network.posterior(roll)
            let logits = try network.decode(mean + deviation * golden.tensor("vae/input.noise", type))
            let parts = try VAELoss(beta: 0.3, freeBits: 0.17, annealing: 0)
                .parts(logits, roll, mean: mean, deviation: deviation, at: 0)
            let each = try VAELoss.divergence(mean: mean, deviation: deviation).mean([0])
            #expect(try golden.deviation(each, "vae/\(label)/kl") <= limit)
            #expect(try golden.deviation(parts.reconstruction, "vae/\(label)/reconstruction") <= limit)
            #expect(try golden.deviation(parts.divergence, "vae/\(label)/divergence") <= limit)
            try check(network, "vae/\(label)", logits, parts.loss, golden, limit)
        }
    }
}
