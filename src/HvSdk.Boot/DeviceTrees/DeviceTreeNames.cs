using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace HvSdk.Boot;

/// <summary>What nodes and properties may be called (Devicetree Specification 0.4, 2.2.1 and 2.2.4.1).</summary>
internal static class DeviceTreeNames
{
    private const int MaxLength = 31;
    private const string Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private const string NodeCharacters = Letters + "0123456789,._+-";

    private static readonly SearchValues<char> s_letters = SearchValues.Create(Letters);
    private static readonly SearchValues<char> s_node = SearchValues.Create(NodeCharacters);
    private static readonly SearchValues<char> s_property = SearchValues.Create(NodeCharacters + "?#");

    /// <summary>node-name, or node-name@unit-address. The limit is that of the name without the address.</summary>
    public static void RequireNode([NotNull] string? name)
    {
        ArgumentNullException.ThrowIfNull(name);
        int at = name.IndexOf('@', StringComparison.Ordinal);
        ReadOnlySpan<char> own = at < 0 ? name : name.AsSpan(0, at);
        ReadOnlySpan<char> address = at < 0 ? "0" : name.AsSpan(at + 1);
        if (own.Length is 0 or > MaxLength || address.Length is 0 or > MaxLength || !s_letters.Contains(own[0]) || own.ContainsAnyExcept(s_node) || address.ContainsAnyExcept(s_node))
        {
            throw new ArgumentException(
                $"\"{Shorten(name)}\" names no node. Use 1 to {MaxLength} characters of A to Z, a to z, 0 to 9 and , . _ + -, a letter first, and after an @ an address of the same characters.",
                nameof(name));
        }
    }

    public static void RequireProperty([NotNull] string? name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length is 0 or > MaxLength || name.AsSpan().ContainsAnyExcept(s_property))
        {
            throw new ArgumentException(
                $"\"{Shorten(name)}\" names no property. Use 1 to {MaxLength} characters of A to Z, a to z, 0 to 9 and , . _ + - ? #.", nameof(name));
        }
    }

    private static string Shorten(string name) => name.Length <= 2 * MaxLength ? name : $"{name[..(2 * MaxLength)]}...";
}
