extension Manifest {
    /// The `splits` block: how pieces are assigned to train, validation and test.
    ///
    /// ```yaml
    /// splits: {train: 0.8, validation: 0.1, test: 0.1, by: piece, method: hash, seed: 0}
    /// #  by: piece | segment | a label;  method: hash | exact;  stratify: a label (with exact)
    /// splits: {folds: 5, fold: 0}     # fold 0 tests, the next validates, the rest train; also by, method, ...
    /// splits: {near_duplicates: together}   # ignore | together
    /// splits: {column: split}         # a table's column: train | validation | test
    /// ```
    ///
    /// Of the three proportions those not given are 0, if any is given.
    public struct Splits: Hashable, Sendable {
        /// How many parts, and how large.
        public var division = Division.proportions(train: 0.8, validation: 0.1, test: 0.1)
        /// What is never cut through.
        public var unit = Unit.piece
        /// How units are dealt.
        public var method = Method.hash
        /// The label each of whose values is dealt alone.
        public var stratify: String?
        /// What the hash of an id is seeded with, at least 0.
        public var seed = 0
        /// Whether sources that share passages are one piece.
        public var nearDuplicates = NearDuplicates.ignore

        /// How many parts, and how large.
        public enum Division: Hashable, Sendable {
            /// Shares that add up to 1.
            case proportions(train: Double, validation: Double, test: Double)
            /// `count` equal folds, 3 to 1000; the fold `test` tests, the next validates, the rest train.
            case folds(count: Int, test: Int)
            /// A table's column says.
            case column(String)
        }

        /// What is never cut through.
        public enum Unit: Hashable, Sendable {
            /// A piece.
            case piece
            /// A segment: segments of one piece end up on both sides, which leaks.
            case segment
            /// All pieces that share the value of a label.
            case label(String)
        }

        /// How units are dealt.
        public enum Method: String, CaseIterable, Sendable {
            /// By the seeded hash of a unit's id alone: a unit never moves because others came.
            case hash
            /// In hash order, so that counts match the proportions.
            case exact
        }

        /// What becomes of sources that share passages.
        public enum NearDuplicates: String, CaseIterable, Sendable {
            /// Nothing: each is its own piece, unless the manifest says otherwise.
            case ignore
            /// Those that share enough are one piece, and so on from one to the next.
            ///
            /// MIDI: 3 % or more of the smaller one's stretches of twelve pitches; audio with a mel: 10 % or more of
            /// the smaller one's landmarks, and 16 at least.
            case together
        }
    }
}
