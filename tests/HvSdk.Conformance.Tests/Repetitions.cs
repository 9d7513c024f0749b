using System.Globalization;

namespace HvSdk.Conformance.Tests;

/// <summary>How often a test repeats itself: few times in normal runs, many with HVSDK_LONG=1, or as a variable of its own says.</summary>
internal static class Repetitions
{
    public static int Get(string variable, int normal, int @long) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text
            ? int.Parse(text, CultureInfo.InvariantCulture)
            : Environment.GetEnvironmentVariable("HVSDK_LONG") == "1" ? @long : normal;
}
