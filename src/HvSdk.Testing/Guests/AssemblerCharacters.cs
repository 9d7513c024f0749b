using Iced.Intel;

namespace HvSdk.Testing;

/// <summary>Lets programs name ASCII characters where <see cref="Assembler"/> takes bytes; the names follow its own.</summary>
public static class AssemblerCharacters
{
    /// <summary>Loads a character into a register.</summary>
    /// <param name="assembler">The assembler.</param>
    /// <param name="destination">The register.</param>
    /// <param name="character">The character.</param>
    public static void mov(this Assembler assembler, AssemblerRegister8 destination, char character)
    {
        ArgumentNullException.ThrowIfNull(assembler);
        assembler.mov(destination, ToByte(character));
    }

    /// <summary>Compares a register with a character.</summary>
    /// <param name="assembler">The assembler.</param>
    /// <param name="register">The register.</param>
    /// <param name="character">The character.</param>
    public static void cmp(this Assembler assembler, AssemblerRegister8 register, char character)
    {
        ArgumentNullException.ThrowIfNull(assembler);
        assembler.cmp(register, ToByte(character));
    }

    private static byte ToByte(char character) =>
        char.IsAscii(character)
            ? (byte)character
            : throw new ArgumentOutOfRangeException(nameof(character), $"U+{(int)character:X4} is not ASCII.");
}
