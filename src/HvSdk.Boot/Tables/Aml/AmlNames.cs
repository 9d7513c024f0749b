namespace HvSdk.Boot;

/// <summary>The names and IDs of ACPI: which are well formed, and what an ID is as a number.</summary>
internal static class AmlNames
{
    /// <summary>Says what keeps a text from being the name of an object (ACPI 6.5, 20.2.2: NameSeg); null: nothing.</summary>
    /// <returns>The end of a sentence that began with what has the name.</returns>
    public static string? FindProblem(string name)
    {
        if (name.Length == 4 && !char.IsAsciiDigit(name[0]) && name.All(static c => char.IsAsciiLetterUpper(c) || char.IsAsciiDigit(c) || c == '_'))
        {
            return null;
        }

        return $"has the name \"{name}\" of {name.Length} characters. Give four characters of A to Z, 0 to 9 and _, the first not a digit (ACPI 6.5, 20.2.2).";
    }

    /// <summary>Says whether an ID has the form of a PNP ID: three letters, four hexadecimal digits (ACPI 6.5, 6.1.5).</summary>
    public static bool IsPnpId(string id) => id.Length == 7 && id[..3].All(char.IsAsciiLetterUpper) && id[3..].All(char.IsAsciiHexDigitUpper);

    /// <summary>Says whether an ID has the form of an ACPI ID: four letters or digits, four hexadecimal digits (ACPI 6.5, 6.1.5).</summary>
    public static bool IsAcpiId(string id) =>
        id.Length == 8 && id[..4].All(static c => char.IsAsciiLetterUpper(c) || char.IsAsciiDigit(c)) && id[4..].All(char.IsAsciiHexDigitUpper);

    /// <summary>A PNP ID as a number (ACPI 6.5, 19.6.36): five bits for each letter, big-endian.</summary>
    public static uint EisaId(string id)
    {
        if (!IsPnpId(id))
        {
            throw new ArgumentException($"\"{id}\" is no PNP ID. Give three letters A to Z and four hexadecimal digits, such as PNP0501.", nameof(id));
        }

        uint letters = (uint)((id[0] - '@') << 10 | (id[1] - '@') << 5 | id[2] - '@');
        uint product = Convert.ToUInt32(id[3..], 16);
        return System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(letters << 16 | product);
    }
}
