using Iced.Intel;

namespace HvSdk.Emulation.Differential;

/// <summary>One case: a short program, and the state that it starts in. The rest is the <see cref="Machine"/>'s.</summary>
public sealed class TestCase
{
    /// <summary>Bytes of x87, SSE and AVX state, in the standard XSAVE form.</summary>
    public const int XsaveSize = 832;

    /// <summary>The mode.</summary>
    public required MachineMode Mode { get; init; }

    /// <summary>What the case was made from.</summary>
    public required ulong Seed { get; init; }

    /// <summary>The registers at the start; RIP is set from <see cref="CodeAddress"/>.</summary>
    public X64Registers Registers { get; set; }

    /// <summary>Base of FS.</summary>
    public ulong FsBase { get; set; }

    /// <summary>Base of GS.</summary>
    public ulong GsBase { get; set; }

    /// <summary>x87, SSE and AVX state at the start.</summary>
    public byte[] Xsave { get; } = new byte[XsaveSize];

    /// <summary>Linear address of the first instruction.</summary>
    public ulong CodeAddress { get; set; }

    /// <summary>The instructions; after them the case ends.</summary>
    public IReadOnlyList<CaseInstruction> Instructions { get; set; } = [];

    /// <summary>What is written into memory before the case runs.</summary>
    public List<MemoryPatch> Patches { get; } = [];

    /// <summary>Special registers that are the case's own; null: the machine's, and only what ordinary instructions reach is compared.</summary>
    public SystemState? System { get; set; }

    /// <summary>The machine code, with the end.</summary>
    public byte[] Code { get; set; } = [];

    /// <summary>The same case with something else in memory.</summary>
    /// <param name="patch">What is written last.</param>
    public TestCase With(MemoryPatch patch)
    {
        TestCase copy = With(Instructions)!; // what was encoded once can be encoded again
        copy.Patches.Add(patch);
        return copy;
    }

    /// <summary>The same case with other instructions.</summary>
    /// <param name="instructions">The instructions.</param>
    /// <returns>Null: they cannot be encoded.</returns>
    public TestCase? With(IReadOnlyList<CaseInstruction> instructions)
    {
        TestCase copy = new()
        {
            Mode = Mode,
            Seed = Seed,
            Registers = Registers,
            FsBase = FsBase,
            GsBase = GsBase,
            CodeAddress = CodeAddress,
            System = System,
            Instructions = instructions,
        };
        Xsave.CopyTo(copy.Xsave, 0);
        copy.Patches.AddRange(Patches);
        return CaseEncoder.TryEncode(copy) ? copy : null;
    }
}

/// <summary>An instruction of a case.</summary>
/// <param name="Instruction">What it is; of a branch the target is set when the case is encoded.</param>
/// <param name="Prefix">Bytes put before it.</param>
/// <param name="Raw">The bytes themselves, where they were not encoded from <paramref name="Instruction"/>.</param>
/// <param name="Target">A branch's target: the instruction with this index, or the end.</param>
public sealed record CaseInstruction(Instruction Instruction, byte[] Prefix, byte[]? Raw, int Target)
{
    /// <summary>No branch.</summary>
    public const int NoTarget = -1;
}

/// <summary>Bytes written into memory before a case runs.</summary>
/// <param name="Address">Physical address.</param>
/// <param name="Value">Eight bytes.</param>
public readonly record struct MemoryPatch(ulong Address, ulong Value);
