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
    private let fills: [ViewFill]
    private let controls: [ControlColumns]
    private let targetCount: Int
    /// The rolls of one segment; only their cells change.
    private let targets: UnsafeMutableBufferPointer<RollPainter.Target>
    /// What each velocity is shown as: a table for U8, then one for each F32 roll.
    private let bytes: UnsafeMutableBufferPointer<UInt8>
    private let floats: UnsafeMutableBufferPointer<Float>

    /// What is done for a view; without references, as it is looked at for every segment.
    private struct ViewFill {
        enum Kind {
            case roll(target: Int, hasPedals: Bool)
            case transcription(TranscriptionTarget)
            /// The view's columns, by their place in `controls`.
            case controls(Int)
            case voicePrograms(Int)
            case pedal, tempo, feature, frameSteps, label
            case segment(LoaderView.SegmentColumn)
        }
        let kind: Kind
        let offset: Int
        let stride: Int
    }

    init(_ plan: LoaderPlan, _ layout: BatchLayout, _ shards: LoaderShards, _ orders: [ItemOrder]) {
        self.plan = plan
        self.layout = layout
        self.shards = shards
        self.orders = orders
        epochCount = orders.map(\.count).max() ?? 0
        let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 128)
        let floats = UnsafeMutableBufferPointer<Float>.allocate(capacity: 128 * layout.views.count)
        let targets = UnsafeMutableBufferPointer<RollPainter.Target>.allocate(capacity: layout.views.count)
        for value in 0..<128 { bytes.initializeElement(at: value, to: UInt8(value)) }
        var used = 0
        var fills: [ViewFill] = []
        var controls: [ControlColumns] = []
        for view in layout.views {
            func addTarget(_ kind: RollView.Kind?, scale: Float, families: UInt8, voice: UInt8? = nil) {
                let isFloat = view.type == .f32
                for value in 0..<128 {
                    floats.initializeElement(at: used * 128 + value, to: Float(value) * scale)
                }
                let table = UnsafeMutableBufferPointer(rebasing: floats[used * 128..<used * 128 + 128])
                let values = isFloat ? UnsafeRawBufferPointer(table) : UnsafeRawBufferPointer(bytes)
                guard let values = values.baseAddress else { return }
                targets.initializeElement(
                    at: used,
                    to: RollPainter.Target(
                        kind: kind, isFloat: isFloat, families: families,
                        voice: voice.map { Int16($0) } ?? -1, low: Int(view.firstPitch),
                        pitches: view.pitches, width: view.shape[1], values: values,
                        cells: UnsafeMutableRawPointer(mutating: values)))
                used += 1
            }
            let kind: ViewFill.Kind
            switch view.view.content {
            case .roll(let roll):
                kind = .roll(target: used, hasPedals: !roll.pedals.isEmpty && roll.pedalCells != .zeros)
                addTarget(
                    roll.kind, scale: roll.scale, families: layout.paintsDrums ? 16 : 15, voice: roll.voice)
            case .transcription(let roll, _):
                kind = .transcription(
                    TranscriptionTarget(
                        roll: roll, low: Int(view.firstPitch), pitches: view.pitches,
                        families: layout.paintsDrums ? 16 : 15))
            case .controls(let numbers):
                kind = .controls(controls.count)
                controls.append(ControlColumns(numbers))
            case .voicePrograms(let count): kind = .voicePrograms(count)
            case .instrument:
                kind = .roll(target: used, hasPedals: false)
                addTarget(nil, scale: 1, families: 16)
            case .pedal: kind = .pedal
            case .tempo: kind = .tempo
            case .feature: kind = .feature
            case .frameSteps: kind = .frameSteps
            case .label: kind = .label
            case .segment(let column): kind = .segment(column)
            }
            fills.append(ViewFill(kind: kind, offset: view.offset, stride: view.stride))
        }
        self.fills = fills
        self.controls = controls
        targetCount = used
        (self.bytes, self.floats, self.targets) = (bytes, floats, targets)
    }

    deinit {
        targets.deallocate()
        bytes.deallocate()
        floats.deallocate()
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
                for number in fills.indices {
                    try show(shown, number, base + fills[number].offset + row * fills[number].stride)
                }
                guard targetCount > 0 else { continue }
                painter.paint(UnsafeBufferPointer(rebasing: targets[..<targetCount]))
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

    private func show(_ shown: Shown, _ number: Int, _ place: UnsafeMutableRawPointer) throws {
        let fill = fills[number]
        switch fill.kind {
        case .roll(let target, let hasPedals):
            place.initializeMemory(as: UInt8.self, repeating: 0, count: fill.stride)
            targets[target].cells = place
            if hasPedals { addPedals(shown, number, targets[target]) }
        case .transcription(let target):
            target.paint(painter.rows, steps: layout.steps, into: place.assumingMemoryBound(to: Float.self))
        case .controls(let view):
            place.initializeMemory(as: UInt8.self, repeating: 0, count: fill.stride)
            try showControls(shown, controls[view], place.assumingMemoryBound(to: Float.self))
        case .voicePrograms(let voices):
            showPrograms(voices, place.assumingMemoryBound(to: Int64.self))
        case .pedal:
            if layout.views[number].type == .u8 {
                showPedals(shown, place.assumingMemoryBound(to: UInt8.self), one: 1)
            } else {
                showPedals(shown, place.assumingMemoryBound(to: Float.self), one: 1)
            }
        case .tempo: showTempo(shown, place.assumingMemoryBound(to: Float.self))
        case .feature:
            guard case .feature(let name, let frames) = layout.views[number].view.content else { return }
            showFeature(shown, name, frames, layout.views[number], place)
        case .frameSteps:
            let cells = place.assumingMemoryBound(to: Int64.self)
            let frames = layout.views[number].shape[0]
            for frame in 0..<frames {
                guard let steps = shown.shard.frameSteps else {
                    cells[frame] = Int64(frame)
                    continue
                }
                let step = steps[shown.index * frames + frame]
                cells[frame] = step == .max ? -1 : Int64(step)
            }
        case .label:
            guard case .label(let name) = layout.views[number].view.content else { return }
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

    /// Paints the columns for pedals, behind the pitches.
    private func addPedals(_ shown: Shown, _ number: Int, _ target: RollPainter.Target) {
        guard case .roll(let roll) = layout.views[number].view.content else { return }
        for (column, pedal) in roll.pedals.enumerated() {
            var wasDown = false
            for step in 0..<layout.steps {
                let isDown = self.isDown(shown, pedal.rawValue, step)
                if isDown, roll.pedalCells == .states || !wasDown {
                    target.set(step * target.width + target.pitches + column)
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

    private func showControls(
        _ shown: Shown, _ columns: ControlColumns, _ cells: UnsafeMutablePointer<Float>
    ) throws {
        guard let controls = shown.shard.controls else { return }
        for row in try shown.shard.controlRows(of: shown.index) {
            var step = Int(controls.step[row]) - shown.start
            guard step >= 0, let column = columns[controls.number[row]] else { continue }
            if shown.stretch != 1 {
                step = Int((Double(step) * shown.stretch).rounded(.toNearestOrAwayFromZero))
            }
            guard step < layout.steps else { continue }
            cells[step * columns.count + column] = Float(controls.value[row] & 127) + 1
        }
    }

    private func showPrograms(_ voices: Int, _ cells: UnsafeMutablePointer<Int64>) {
        cells.update(repeating: -1, count: voices)
        for row in painter.rows where Int(row.voice) < voices && cells[Int(row.voice)] < 0 {
            cells[Int(row.voice)] = Int64(row.program)
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
        // A window of steps that are frames.
        if kept < width, frames == nil { first = shown.start }
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

/// The columns of a view of control changes.
struct ControlColumns {
    /// How many there are.
    let count: Int
    /// The column of each number; −1 for none.
    private let columns: [Int16]

    /// Columns for some numbers, in their order; nil: for all.
    init(_ numbers: [UInt8]?) {
        let numbers = numbers ?? Array(0...127)
        var columns = [Int16](repeating: -1, count: 256)
        for (column, number) in numbers.enumerated() { columns[Int(number)] = Int16(column) }
        (count, self.columns) = (numbers.count, columns)
    }

    subscript(number: UInt8) -> Int? { columns[Int(number)] < 0 ? nil : Int(columns[Int(number)]) }
}
