import Files

/// The sound set of General MIDI (MMA, General MIDI System Level 1, table 2).
enum GeneralMIDI {
    /// The name of a program, 0 to 127; 128 is drums.
    static func name(ofProgram program: Int) -> String {
        names.indices.contains(program) ? names[program] : "drums"
    }

    /// The 16 families of eight programs each, then drums.
    static let families = [
        "piano", "chromatic", "organ", "guitar", "bass", "strings", "ensemble", "brass", "reed", "pipe",
        "lead", "pad", "effects", "ethnic", "percussive", "sounds", "drums",
    ]

    private static let names = [
        "acoustic grand piano", "bright acoustic piano", "electric grand piano", "honky-tonk piano",
        "electric piano 1", "electric piano 2", "harpsichord", "clavinet",
        "celesta", "glockenspiel", "music box", "vibraphone",
        "marimba", "xylophone", "tubular bells", "dulcimer",
        "drawbar organ", "percussive organ", "rock organ", "church organ",
        "reed organ", "accordion", "harmonica", "tango accordion",
        "nylon guitar", "steel guitar", "jazz guitar", "clean guitar",
        "muted guitar", "overdriven guitar", "distortion guitar", "guitar harmonics",
        "acoustic bass", "fingered bass", "picked bass", "fretless bass",
        "slap bass 1", "slap bass 2", "synth bass 1", "synth bass 2",
        "violin", "viola", "cello", "contrabass",
        "tremolo strings", "pizzicato strings", "orchestral harp", "timpani",
        "string ensemble 1", "string ensemble 2", "synth strings 1", "synth strings 2",
        "choir aahs", "voice oohs", "synth voice", "orchestra hit",
        "trumpet", "trombone", "tuba", "muted trumpet",
        "French horn", "brass section", "synth brass 1", "synth brass 2",
        "soprano sax", "alto sax", "tenor sax", "baritone sax",
        "oboe", "English horn", "bassoon", "clarinet",
        "piccolo", "flute", "recorder", "pan flute",
        "blown bottle", "shakuhachi", "whistle", "ocarina",
        "square lead", "sawtooth lead", "calliope lead", "chiff lead",
        "charang lead", "voice lead", "fifths lead", "bass and lead",
        "new age pad", "warm pad", "polysynth pad", "choir pad",
        "bowed pad", "metallic pad", "halo pad", "sweep pad",
        "rain", "soundtrack", "crystal", "atmosphere",
        "brightness", "goblins", "echoes", "sci-fi",
        "sitar", "banjo", "shamisen", "koto",
        "kalimba", "bagpipe", "fiddle", "shanai",
        "tinkle bell", "agogo", "steel drums", "woodblock",
        "taiko drum", "melodic tom", "synth drum", "reverse cymbal",
        "guitar fret noise", "breath noise", "seashore", "bird tweet",
        "telephone ring", "helicopter", "applause", "gunshot",
    ]
}
