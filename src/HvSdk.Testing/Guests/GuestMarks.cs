using Iced.Intel;

namespace HvSdk.Testing;

/// <summary>Marks places in the code of a <see cref="GuestProgram"/> while it is assembled.</summary>
/// <remarks>A mark stands for the instruction that is assembled next.</remarks>
public sealed class GuestMarks
{
    private readonly Assembler _assembler;
    private readonly Dictionary<string, Label> _symbols = [];
    private readonly Dictionary<byte, (string Symbol, int PrivilegeLevel)> _handlers = [];

    internal GuestMarks(Assembler assembler) => _assembler = assembler;

    internal IReadOnlyDictionary<string, Label> Symbols => _symbols;

    internal IReadOnlyDictionary<byte, (string Symbol, int PrivilegeLevel)> Handlers => _handlers;

    /// <summary>Here begins the handler of an interrupt or exception, which the program's interrupt table then points to.</summary>
    /// <remarks>
    /// It runs with interrupts off at privilege level 0 and ends with IRET, IRETD or IRETQ after the mode, once it has removed the error
    /// code that some exceptions push. An interrupt without a handler shuts the vCPU down in protected and long mode. The place is also
    /// the symbol <c>handler_0x20</c>, after the vector.
    /// </remarks>
    /// <param name="vector">The vector.</param>
    /// <param name="privilegeLevel">The lowest privilege, 0 to 3, from which INT may call the handler; nothing in real mode.</param>
    public void Handler(byte vector, int privilegeLevel = 3)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(privilegeLevel);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(privilegeLevel, 3);
        string symbol = $"handler_0x{vector:X2}";
        Symbol(symbol);
        _handlers.Add(vector, (symbol, privilegeLevel));
    }

    /// <summary>Gives this place a name, whose address is then in <see cref="GuestProgram.Symbols"/>.</summary>
    /// <param name="name">The name, used once in a program.</param>
    public void Symbol(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        Label label = _assembler.CreateLabel(name);
        if (!_symbols.TryAdd(name, label))
        {
            throw new ArgumentException($"The program has a symbol {name} already.", nameof(name));
        }

        // An instruction takes one label; instructions of no bytes make room for several in one place.
        _assembler.zero_bytes();
        _assembler.Label(ref label);
        _assembler.zero_bytes();
        _symbols[name] = label;
    }
}
