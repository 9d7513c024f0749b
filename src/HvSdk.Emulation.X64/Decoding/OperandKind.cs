namespace HvSdk.Emulation;

/// <summary>What an operand of an <see cref="Op"/> is.</summary>
internal enum OperandKind : byte
{
    None,
    Register,
    Memory,
    Immediate,
    Branch,
    Segment,
    Control,
    Debug,
    Mmx,
    Vector,
    X87,
    Mask,
    Other,
}

/// <summary>What is special about an <see cref="Op"/>.</summary>
[Flags]
internal enum OpFlags : byte
{
    None = 0,
    Lock = 1,
    Repeat = 2,
    RepeatNotEqual = 4,

    /// <summary>The instruction ends its block: what follows is decoded under new conditions.</summary>
    EndsBlock = 8,
}
