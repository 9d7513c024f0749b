using Iced.Intel;

namespace HvSdk.Testing;

/// <summary>Where a handler lies, as a linear address, and from where INT may call it.</summary>
internal readonly record struct GuestHandler(ulong Address, int PrivilegeLevel);

/// <summary>The machine code of a program and the places marked in it.</summary>
internal sealed record AssembledGuest(
    ReadOnlyMemory<byte> Code,
    IReadOnlyDictionary<string, ulong> Symbols,
    IReadOnlyDictionary<byte, GuestHandler> Handlers)
{
    /// <summary>Code that was made elsewhere.</summary>
    public static AssembledGuest FromImage(ReadOnlyMemory<byte> image) =>
        new(image, new Dictionary<string, ulong>(), new Dictionary<byte, GuestHandler>());

    /// <summary>Assembles a body for the place that the layout gives it.</summary>
    public static AssembledGuest Assemble(GuestMode mode, GuestLayout layout, Action<Assembler, GuestMarks> body)
    {
        Assembler assembler = new((int)mode);
        GuestMarks marks = new(assembler);
        body(assembler, marks);

        ulong segmentBase = mode == GuestMode.Real ? GuestStart.RealModeSegmentBase(layout) : 0;
        using MemoryStream code = new();
        AssemblerResult result = assembler.Assemble(
            new StreamCodeWriter(code),
            layout.CodeAddress - segmentBase,
            BlockEncoderOptions.ReturnNewInstructionOffsets);

        Dictionary<string, ulong> symbols = [];
        foreach ((string name, Label label) in marks.Symbols)
        {
            symbols.Add(name, segmentBase + result.GetLabelRIP(label));
        }

        Dictionary<byte, GuestHandler> handlers = [];
        foreach ((byte vector, (string symbol, int privilegeLevel)) in marks.Handlers)
        {
            handlers.Add(vector, new(symbols[symbol], privilegeLevel));
        }

        return new(code.ToArray(), symbols, handlers);
    }
}
