using HvSdk.Live;

namespace HvSdk.Whp.StandIn.Tests;

/// <summary>Runs over the stand-in, with its switches.</summary>
internal static class SuiteRun
{
    /// <summary>A suite over the stand-in.</summary>
    /// <param name="switches">Switches of the stand-in.</param>
    internal static StandInSuite With(params IEnumerable<(string Name, string Value)> switches)
    {
        Dictionary<string, string> variables = new() { ["HVSDK_WHP_LIBRARY"] = Path.Combine(StandIn.Output, "linux", "libWinHvPlatform.so") };
        foreach ((string name, string value) in switches)
        {
            variables[$"HVSDK_WHP_STANDIN_{name}"] = value;
        }

        return new StandInSuite("whp", variables);
    }
}
