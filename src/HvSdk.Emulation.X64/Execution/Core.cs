namespace HvSdk.Emulation;

/// <summary>What one emulated processor needs while it executes, apart from the machine: the state, its mode, translations, and how an instruction ended.</summary>
/// <remarks>
/// Handlers give true where the instruction was done, and false where it was not: then <see cref="Outcome"/> says why. They change no register
/// before the last thing that can fail; those for which that is a burden are wrapped (<see cref="Begin"/>, <see cref="Undo"/>).
/// </remarks>
internal sealed partial class Core
{
    internal readonly X64EmulatorOptions Options;
    internal readonly X64EmulatorFeatures Features;
    internal readonly DecodeCache Cache = new();

    /// <summary>The registers; the arrays of <see cref="State"/>, one step nearer.</summary>
    internal ulong[] Gpr = [];
    internal X64Segment[] Segments = [];
    internal X64CpuState State = null!;

    /// <summary>RIP behind the instruction; a jump changes it.</summary>
    internal ulong NextRip;

    /// <summary>Not 0: the block must be left after this instruction, as memory, mode or flags changed under it, or the log is to be cleared.</summary>
    internal bool Attention;

    internal Outcome Outcome;
    internal X64Exception Exception;

    /// <summary>The instruction delivered an interrupt or entered anew: no single step after it.</summary>
    internal bool NoTrap;

    /// <summary>What a run of a string instruction moves at once.</summary>
    internal byte[] Bounce => _bounce ??= new byte[4096];

    private byte[]? _bounce;

    internal Core(X64EmulatorOptions options)
    {
        Options = options;
        Features = options.Features;
    }

    internal void Attach(X64CpuState state)
    {
        if (!ReferenceEquals(State, state) || _epoch != state.Epoch)
        {
            State = state;
            _epoch = state.Epoch;
            Gpr = state.Gpr;
            Segments = state.Segments;
            FlushTranslations();
        }

        Refresh();
    }

    private int _epoch;

    /// <summary>Raises a fault without an error code.</summary>
    internal bool Raise(int vector)
    {
        Exception = new((byte)vector, false, 0, 0, false);
        Outcome = Outcome.Fault;
        return false;
    }

    /// <summary>Raises a fault with an error code. Real mode pushes none.</summary>
    internal bool Raise(int vector, uint errorCode)
    {
        Exception = new((byte)vector, IsProtected, IsProtected ? errorCode : 0, 0, false);
        Outcome = Outcome.Fault;
        return false;
    }

    internal bool RaisePageFault(ulong linear, uint errorCode)
    {
        Exception = new(Vectors.PageFault, true, errorCode, linear, false);
        Outcome = Outcome.Fault;
        return false;
    }

    /// <summary>#GP(0).</summary>
    internal bool GeneralProtection() => Raise(Vectors.GeneralProtection, 0);

    internal bool Undefined() => Raise(Vectors.InvalidOpcode);

    /// <summary>The instruction is left to the caller.</summary>
    internal bool Unsupported()
    {
        Outcome = Outcome.Unsupported;
        return false;
    }
}

/// <summary>Why a handler did not complete its instruction.</summary>
internal enum Outcome
{
    None,
    Fault,
    Access,
    Unsupported,
    Halt,
    Hypercall,
    Shutdown,
}

/// <summary>Exception vectors (Intel SDM vol. 3A, table 6-1).</summary>
internal static class Vectors
{
    internal const int DivideError = 0;
    internal const int Debug = 1;
    internal const int NonMaskable = 2;
    internal const int Breakpoint = 3;
    internal const int Overflow = 4;
    internal const int BoundRange = 5;
    internal const int InvalidOpcode = 6;
    internal const int DeviceNotAvailable = 7;
    internal const int DoubleFault = 8;
    internal const int InvalidTss = 10;
    internal const int SegmentNotPresent = 11;
    internal const int StackFault = 12;
    internal const int GeneralProtection = 13;
    internal const int PageFault = 14;
    internal const int X87Error = 16;
    internal const int AlignmentCheck = 17;
    internal const int MachineCheck = 18;
    internal const int SimdError = 19;
}
