namespace HvSdk.Emulation.Differential;

/// <summary>How a case ended.</summary>
public enum EndKind
{
    /// <summary>It came to its end.</summary>
    End,

    /// <summary>A handler halted.</summary>
    Handler,

    /// <summary>A triple fault.</summary>
    Shutdown,

    /// <summary>It did not end.</summary>
    Timeout,

    /// <summary>The engine cannot run it.</summary>
    Unsupported,

    /// <summary>Anything else; <see cref="Outcome.Detail"/> says what.</summary>
    Other,
}

/// <summary>The state that a case ended in.</summary>
public sealed class Outcome
{
    private const uint InitialMxcsr = 0x1F80;

    /// <summary>How it ended.</summary>
    public EndKind End { get; set; }

    /// <summary>More about it.</summary>
    public string Detail { get; set; } = "";

    /// <summary>The vector whose handler halted.</summary>
    public int Vector { get; set; }

    /// <summary>The registers.</summary>
    public X64Registers Registers { get; set; }

    /// <summary>The special registers.</summary>
    public X64SpecialRegisters SpecialRegisters { get; set; }

    /// <summary>The debug registers, of system cases.</summary>
    public X64DebugRegisters DebugRegisters { get; set; }

    /// <summary>Values of <see cref="SystemMap.Msrs"/>, of system cases.</summary>
    public ulong[] Msrs { get; } = new ulong[SystemMap.Msrs.Length];

    /// <summary>XCR0, of system cases.</summary>
    public ulong Xcr0 { get; set; }

    /// <summary>x87, SSE and AVX state, parts in their initial state written out.</summary>
    public byte[] Xsave { get; } = new byte[TestCase.XsaveSize];

    /// <summary>Memory from 0 on.</summary>
    public byte[] Memory { get; } = new byte[MachineMap.ComparedSize];

    /// <summary>Writes what is in its initial state out, since a processor may save it in short.</summary>
    public void NormalizeXsave()
    {
        Span<byte> xsave = Xsave;
        ulong present = BitConverter.ToUInt64(xsave[512..]);
        if ((present & 1) == 0)
        {
            xsave[..24].Clear();
            xsave[32..160].Clear();
            xsave[0] = 0x7F;
            xsave[1] = 0x03;
        }

        if ((present & 2) == 0)
        {
            // A host that saves in the compacted form has not written MXCSR then: it has its initial value, or SSE state would be in use (SDM vol. 1, 13.10).
            BitConverter.TryWriteBytes(xsave[24..], InitialMxcsr);
            xsave[160..416].Clear();
        }

        if ((present & 4) == 0)
        {
            xsave[576..].Clear();
        }

        // FIP, FDP and their kin: kept differently by makes of processors. The mask of MXCSR: fixed. The rest of the area: free.
        xsave[6..24].Clear();
        xsave[28..32].Clear();
        for (int register = 32; register < 160; register += 16)
        {
            xsave.Slice(register + 10, 6).Clear();
        }

        xsave[416..576].Clear();
    }
}

/// <summary>What runs cases.</summary>
public interface IEngine
{
    /// <summary>Runs a case from its start.</summary>
    /// <param name="test">The case.</param>
    /// <param name="outcome">Gets the state at the end.</param>
    void Run(TestCase test, Outcome outcome);
}
