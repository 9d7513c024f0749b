using System.Globalization;

namespace HvSdk.Boot;

/// <summary>Gives names within <c>\_SB</c> to what has none: a letter and three hexadecimal digits.</summary>
internal sealed class AcpiNames
{
    /// <summary>How many names a letter is good for; where some are taken, those of the next letter serve too.</summary>
    public const int MaxGenerated = 0x1000;

    private readonly HashSet<string> _taken;
    private readonly Dictionary<char, int> _next = [];

    /// <summary>Starts with the names that were given.</summary>
    public AcpiNames(IEnumerable<string> given) => _taken = [.. given];

    /// <summary>Gives the next free name that starts with a letter.</summary>
    public string Next(char letter)
    {
        while (true)
        {
            int number = _next.GetValueOrDefault(letter);
            _next[letter] = number + 1;
            string name = string.Create(CultureInfo.InvariantCulture, $"{(char)(letter + (number >> 12))}{number & 0xFFF:X3}");
            if (_taken.Add(name))
            {
                return name;
            }
        }
    }
}
