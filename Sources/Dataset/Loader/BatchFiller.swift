import Foundation
import Symbolic
import Tensors

/// Fills batches; one a thread.
final class BatchFiller {
    private let plan: LoaderPlan
    private let layout: BatchLayout
    private let shards: LoaderShards
    private let orders: [ItemOrder]
    /// The segments of an epoch.
    private let epochCount: Int
    private let painter = RollPainter()
    /// What each velocity is shown as, by view.
    private let floats: [[Float]]
    private let bytes = (0..<128).map { UInt8($0) }

    init(_ plan: LoaderPlan, _ layout: BatchLayout, _ shards: LoaderShards, _ orders: [ItemOrder]) {
        self.plan = plan
        self.layout = layout
        self.shards = shards
        self.orders = orders
        epochCount = orders.map(\.count).max() ?? 0
        floats = layout.views.map { view in
            guard case .roll(let roll) = view.view.content, roll.element == .f32 else { return [] }
            return (0..<128).map { Float($0) * roll.scale }
        }
    }

    /// What is shown of one segment.
    private struct Shown {
        let shard: LoaderShard
        let index: Int
        /// Its number in the split.
        let segment: Int
        /// The window's first step, and the factor of time.
        var start = 0
        var stretch = 1.0
        /// Where among all places a random window of frames begins, in 0 ..< 1.
        var place = 0.0
    }

    /// Fills a buffer with `count` segments from a state on.
    func fill(_ buffer: BatchBuffer, _ state: LoaderState, count: Int) throws {
        var shardIndex = -1
        var shard: LoaderShard?
        for (set, order) in orders.enumerated() {
            let base = buffer.base + set * layout.setBytes
            for row in 0..<count {
                let position = state.position + row
                let item = order.item(state.epoch * epochCount + position)
                let index = shards.index(of: item.segment)
                let used: LoaderShard
                if let shard, index == shardIndex { used = shard } else { used = try shards.shard(index) }
                (shardIndex, shard) = (index, used)
                var shown = Shown(
                    shard: used, index: item.segment - shards.places[index].segments.lowerBound,
                    segment: item.segment, start: item.window * (plan.window?.hop ?? 0))
                let draw = Draw.hash(plan.seed, UInt64(state.epoch), UInt64(position), UInt64(set), 1)
                try prepare(&shown, draw)
                for (number, view) in layout.views.enumerated() {
                    show(shown, view, number, base + view.offset + row * view.stride)
                }
            }
        }
    }

    /// Draws the augmentations, and takes up the notes.
    private func prepare(_ shown: inout Shown, _ draw: UInt64) throws {
        guard let notes = shown.shard.notes else {
            shown.place = Draw.unit(Draw.hash(draw, 2))
            return
        }
        let transpositions = plan.augmentation.transposition
        let transposition =
            transpositions.lowerBound + Draw.below(transpositions.count, Draw.hash(draw, 3))
        let stretch = plan.augmentation.stretch
        if stretch.lowerBound < stretch.upperBound {
            shown.stretch =
                stretch.lowerBound
                * pow(
                    stretch.upperBound / stretch.lowerBound, Draw.unit(Draw.hash(draw, 4)))
        } else {
            shown.stretch = stretch.lowerBound
        }
        painter.load(
            notes, try shown.shard.rows(of: shown.index), start: shown.start, steps: layout.steps,
            transposition: transposition, stretch: shown.stretch)
    }

    private func show(_ shown: Shown, _ view: PlacedView, _ number: Int, _ place: UnsafeMutableRawPointer) {
        switch view.view.content {
        case .roll(let roll):
            place.initializeMemory(as: UInt8.self, repeating: 0, count: view.stride)
            if view.type == .u8 {
                bytes.withUnsafeBufferPointer { paint(shown, roll, view, place, values: $0) }
            } else {
                floats[number].withUnsafeBufferPointer { paint(shown, roll, view, place, values: $0) }
            }
        case .instrument:
            place.initializeMemory(as: UInt8.self, repeating: 0, count: view.stride)
            if view.type == .u8 {
                painter.count(
                    place.assumingMemoryBound(to: UInt8.self), low: view.firstPitch, pitches: view.pitches,
                    one: 1, most: 255)
            } else {
                painter.count(
                    place.assumingMemoryBound(to: Float.self), low: view.firstPitch, pitches: view.pitches,
                    one: 1, most: 255)
            }
        case .pedal:
            if view.type == .u8 {
                showPedals(shown, place.assumingMemoryBound(to: UInt8.self), one: 1)
            } else {
                showPedals(shown, place.assumingMemoryBound(to: Float.self), one: 1)
            }
        case .tempo: showTempo(shown, place.assumingMemoryBound(to: Float.self))
        case .feature(let name, let frames): showFeature(shown, name, frames, view, place)
        case .label(let name):
            place.storeBytes(of: shown.shard.labels[name]?.value(shown.index) ?? -1, as: Int64.self)
        case .segment(let column):
            let length = Int(shown.shard.length[shown.index])
            let value =
                switch column {
                case .number: shown.segment
                case .start: Int(shown.shard.start[shown.index]) + shown.start
                case .length:
                    layout.steps == 0 ? length : max(0, min(layout.steps, length - shown.start))
                }
            place.storeBytes(of: Int64(value), as: Int64.self)
        }
    }

    // MARK: Notes

    private func paint<Element: Comparable & BitwiseCopyable>(
        _ shown: Shown, _ roll: RollView, _ view: PlacedView, _ place: UnsafeMutableRawPointer,
        values: UnsafeBufferPointer<Element>
    ) {
        guard let values = values.baseAddress else { return }
        let cells = place.assumingMemoryBound(to: Element.self)
        let width = view.pitches + roll.pedals.count
        painter.paint(
            roll.kind, cells, width: width, low: view.firstPitch, pitches: view.pitches,
            paintsDrums: layout.paintsDrums, values: values)
        guard roll.pedalCells != .zeros else { return }
        for (column, pedal) in roll.pedals.enumerated() {
            var wasDown = false
            for step in 0..<layout.steps {
                let isDown = self.isDown(shown, pedal.rawValue, step)
                if isDown, roll.pedalCells == .states || !wasDown {
                    cells[step * width + view.pitches + column] = values[1]
                }
                wasDown = isDown
            }
        }
    }

    private func showPedals<Element: AdditiveArithmetic>(
        _ shown: Shown, _ cells: UnsafeMutablePointer<Element>, one: Element
    ) {
        for step in 0..<layout.steps {
            for pedal in 0..<3 { cells[step * 3 + pedal] = isDown(shown, pedal, step) ? one : .zero }
        }
    }

    private func showTempo(_ shown: Shown, _ cells: UnsafeMutablePointer<Float>) {
        guard let notes = shown.shard.notes else { return }
        let tempo = notes.tempo + shown.index * notes.steps
        for step in 0..<layout.steps {
            cells[step] = tempo[min(source(of: step, shown), notes.steps - 1)]
        }
    }

    @inline(__always)
    private func isDown(_ shown: Shown, _ pedal: Int, _ step: Int) -> Bool {
        guard let notes = shown.shard.notes else { return false }
        let source = source(of: step, shown)
        return source < notes.steps && notes.pedal[(shown.index * notes.steps + source) * 3 + pedal] != 0
    }

    /// The segment's step that a step of the window shows.
    @inline(__always)
    private func source(of step: Int, _ shown: Shown) -> Int {
        shown.start + (shown.stretch == 1 ? step : Int(Double(step) / shown.stretch))
    }

    // MARK: Audio

    private func showFeature(
        _ shown: Shown, _ name: String, _ frames: LoaderView.FrameWindow?, _ view: PlacedView,
        _ place: UnsafeMutableRawPointer
    ) {
        guard let feature = shown.shard.features[name], let width = feature.shape.last,
            let kept = view.shape.last
        else { return }
        let bands = feature.shape.dropLast().reduce(1, *)
        var first = 0
        if let frames, frames.isRandom { first = Int(shown.place * Double(width - kept + 1)) }
        let size = feature.isHalf ? 2 : 4
        let segment = feature.base + shown.index * bands * width * size
        // Whole segments are one row.
        let (rows, count) = kept == width ? (1, bands * width) : (bands, kept)
        for row in 0..<rows {
            let source = segment + (row * width + first) * size
            let target = place + row * count * 4
            if feature.isHalf {
                HalfFloats.expand(
                    source.assumingMemoryBound(to: UInt16.self),
                    into: target.assumingMemoryBound(to: Float.self),
                    count: count)
            } else {
                target.copyMemory(from: source, byteCount: count * 4)
            }
        }
    }
}

/// IEEE 754 binary16 to binary32, in a form that compilers turn into vector instructions.
enum HalfFloats {
    /// Converts numbers; exact, infinities and NaN too.
    static func expand(_ source: UnsafePointer<UInt16>, into target: UnsafeMutablePointer<Float>, count: Int)
    {
        for index in 0..<count {
            let half = UInt32(source[index])
            // The exponents' biases differ by 112; a subnormal becomes normal by the multiplication itself.
            let magnitude = Float(bitPattern: (half & 0x7FFF) << 13) * 0x1p112
            let special: UInt32 = (half & 0x7C00) == 0x7C00 ? 0x7F80_0000 : 0
            target[index] = Float(bitPattern: magnitude.bitPattern | special | (half & 0x8000) << 16)
        }
    }
}
