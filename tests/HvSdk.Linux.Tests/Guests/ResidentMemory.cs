using System.Globalization;

namespace HvSdk.Linux.Tests.Guests;

/// <summary>What this process holds of the host's memory. Nearly all of its anonymous memory is the guest's RAM, as far as that was touched.</summary>
internal static class ResidentMemory
{
    /// <summary>Bytes of anonymous memory that are in the host's RAM now.</summary>
    public static long Anonymous
    {
        get
        {
            const string name = "RssAnon:";
            string line = File.ReadLines("/proc/self/status").First(static line => line.StartsWith(name, StringComparison.Ordinal));
            return long.Parse(line[name.Length..].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture) * 1024;
        }
    }
}
