using System.Reflection;
using HvSdk.Backends.Whp.Interop;
using HvSdk.Backends.Whp.Tests.Fakes;

namespace HvSdk.Backends.Whp.Tests;

/// <summary>Each call of a whole life refused in turn, with every code: an error that names it, a value, or another way; and nothing is left.</summary>
public sealed class RefusalTests(ITestOutputHelper output)
{
    private static readonly (string Name, int Code)[] s_codes =
    [
        .. typeof(HRESULTS).GetFields().Select(static field => (field.Name, (int)field.GetRawConstantValue()!)).Where(static code => code.Item2 < 0),
        ("a code without a name", unchecked((int)0x8765_4321)),
    ];

    [Fact]
    public void Life_OfTheScenario_CallsEveryFunction()
    {
        using var platform = new FakePlatform();
        Scenario.Live(platform);

        IEnumerable<string> functions = typeof(WhvFunctions).GetProperties(BindingFlags.Instance | BindingFlags.NonPublic).Select(static property => property.Name)
            .Where(static name => name.StartsWith("WHv", StringComparison.Ordinal));
        Assert.Equal([], functions.Except(platform.Calls));
    }

    /// <summary>Every call, with one code after the other in turn.</summary>
    [Fact]
    public void Call_EachOfALifeRefused_LeavesNothingAndTheNextLifeIsWhole() => Refuse(static (calls, _) =>
        calls.Select(static (_, index) => (index, s_codes[index % s_codes.Length])));

    /// <summary>The first and the last call of each function, with every code.</summary>
    [Fact]
    public void Function_EachRefusedWithEachCode_LeavesNothingAndTheNextLifeIsWhole() => Refuse(static (calls, functions) =>
        from function in functions
        from index in new[] { calls.IndexOf(function), calls.LastIndexOf(function) }.Distinct()
        from code in s_codes
        select (index, code));

    private void Refuse(Func<List<string>, string[], IEnumerable<(int Index, (string Name, int Code) Code)>> choose)
    {
        using var platform = new FakePlatform();
        Scenario.Live(platform);
        List<string> calls = [.. platform.Calls];
        int scratch = WhvScratch.Live;
        int errors = 0;
        int lives = 0;
        foreach ((int index, (string name, int code)) in choose(calls, [.. calls.Distinct()]))
        {
            platform.Calls.Clear();
            platform.FailingCall = (index, code);
            Exception? thrown = Record.Exception(() => Scenario.Live(platform));
            platform.FailingCall = null;

            string where = $"call {index}, {calls[index]}, refused with {name}: {thrown}";
            Assert.True(thrown is null or HypervisorException or NotSupportedException, where);
            if (thrown is HypervisorException e and not HypervisorUnavailableException)
            {
                // Some refusals are told as the failure of what they make impossible; each has words and a number.
                Assert.True(e.Reason.Length > 0 && e.NativeErrorCode < 0, where);
            }

            Assert.True(platform.Partitions.Count == 0 && platform.Doorbells.Count == 0 && WhvScratch.Live == scratch, where);
            errors += thrown is null ? 0 : 1;
            lives++;
        }

        output.WriteLine($"{lives} lives of {calls.Count} calls, {errors} of them ended by an error.");

        // Half of the calls look for registers that this Windows may lack, or try a way for which there is another.
        Assert.True(errors > lives / 8, "Refusals are seen.");
        platform.Calls.Clear();
        Scenario.Live(platform);
        Assert.Equal(calls, platform.Calls);
    }
}
