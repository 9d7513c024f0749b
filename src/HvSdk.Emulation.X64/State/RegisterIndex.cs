namespace HvSdk.Emulation;

/// <summary>Positions in <see cref="X64CpuState.Gpr"/>: the encoding order of the processor, then two that make addresses plain sums.</summary>
internal static class RegisterIndex
{
    internal const int Rax = 0;
    internal const int Rcx = 1;
    internal const int Rdx = 2;
    internal const int Rbx = 3;
    internal const int Rsp = 4;
    internal const int Rbp = 5;
    internal const int Rsi = 6;
    internal const int Rdi = 7;

    /// <summary>No register: reads as 0.</summary>
    internal const int None = 16;

    /// <summary>The address of the instruction being executed.</summary>
    internal const int Rip = 17;
}

/// <summary>Positions in <see cref="X64CpuState.Segments"/>: the encoding order, then the two system segments.</summary>
internal static class SegmentIndex
{
    internal const int Es = 0;
    internal const int Cs = 1;
    internal const int Ss = 2;
    internal const int Ds = 3;
    internal const int Fs = 4;
    internal const int Gs = 5;
    internal const int Tr = 6;
    internal const int Ldt = 7;
}
