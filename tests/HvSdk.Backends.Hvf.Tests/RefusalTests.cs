using System.Reflection;
using HvSdk.Backends.Hvf.Interop;

namespace HvSdk.Backends.Hvf.Tests;

/// <summary>Each call of a whole life refused in turn, with every code: an error that names it, a value, or another way; and nothing is left.</summary>
public sealed class RefusalTests(ITestOutputHelper output)
{
    private static readonly HvReturn[] s_codes = [.. Enum.GetValues<HvReturn>().Where(static code => code != HvReturn.HV_SUCCESS), unchecked((HvReturn)0xFAE9_4055)];

    /// <summary>Those of libSystem give no hv_return_t.</summary>
    private static readonly string[] s_withoutResult =
        [nameof(HvFunctions.os_release), nameof(HvFunctions.mach_absolute_time), nameof(HvFunctions.mach_timebase_info), nameof(HvFunctions.sysctlbyname)];

    public static TheoryData<string> Optional => [.. Functions.Where(static name => IsOptional(name))];

    private static IEnumerable<string> Functions =>
        typeof(HvFunctions).GetProperties(BindingFlags.Instance | BindingFlags.NonPublic).Select(static property => property.Name).Where(static name => name.Contains('_', StringComparison.Ordinal));

    [Fact]
    public void Lives_WithAndWithoutGic_CallEveryFunction()
    {
        using FakeFramework framework = new() { IsNewest = true };
        Scenario.Live(framework, hasGic: true);
        Scenario.Live(framework, hasGic: false);
        Assert.Equal([], Functions.Except(s_withoutResult).Except(framework.Calls));
    }

    /// <summary>Every call, with one code after the other in turn.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Call_EachOfALifeRefused_LeavesNothingAndTheNextLifeIsWhole(bool hasGic) => Refuse(hasGic, static (calls, _) =>
        calls.Select(static (_, index) => (index, s_codes[index % s_codes.Length])));

    /// <summary>The first and the last call of each function, with every code.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Function_EachRefusedWithEachCode_LeavesNothingAndTheNextLifeIsWhole(bool hasGic) => Refuse(hasGic, static (calls, functions) =>
        from function in functions
        from index in new[] { calls.IndexOf(function), calls.LastIndexOf(function) }.Distinct()
        from code in s_codes
        select (index, code));

    /// <summary>A function that this macOS lacks is a feature that is absent, or another way.</summary>
    [Theory]
    [MemberData(nameof(Optional))]
    public void Function_OptionalAndMissing_IsAFeatureAbsentAndNothingElse(string name)
    {
        using FakeFramework framework = new() { IsNewest = true };
        framework.Missing.Add(name);
        Scenario.Live(framework, hasGic: false);
        bool isOfMessages = name is nameof(HvFunctions.hv_gic_send_msi) or nameof(HvFunctions.hv_gic_config_set_msi_region_base)
            or nameof(HvFunctions.hv_gic_config_set_msi_interrupt_range);
        bool isOfGic = name.StartsWith("hv_gic", StringComparison.Ordinal) && !isOfMessages;
        using Hypervisor hypervisor = Hypervisor.Open(framework.CreateBackend());
        Assert.Equal(!isOfGic, hypervisor.Capabilities.Supports(HypervisorFeatures.FullInterruptController));
        Assert.Equal(!isOfGic && !isOfMessages, hypervisor.Capabilities.Supports(HypervisorFeatures.Msi));
        Assert.Equal(name.StartsWith("hv_vm_config", StringComparison.Ordinal) ? 36 : 40, hypervisor.Capabilities.GuestPhysicalAddressBits);
        if (isOfGic || isOfMessages)
        {
            NotSupportedException e = Assert.Throws<NotSupportedException>(() => Scenario.Live(framework, hasGic: true));
            Assert.Contains(isOfGic ? "FullInterruptController" : "Msi", e.Message, StringComparison.Ordinal);
        }
        else
        {
            Scenario.Live(framework, hasGic: true);
        }
    }

    [Fact]
    public void Functions_RequiredAndMissing_AreEachNamedByTheProbe()
    {
        using FakeFramework framework = new() { IsNewest = true };
        foreach (string name in Functions.Where(static name => !IsOptional(name)))
        {
            framework.Missing.Add(name);
            BackendProbe probe = framework.CreateBackend().Probe();
            Assert.False(probe.IsAvailable, name);
            Assert.Contains($" lacks {name}.", probe.Reason, StringComparison.Ordinal);
            framework.Missing.Clear();
        }
    }

    private static bool IsOptional(string name) => name.StartsWith("hv_gic", StringComparison.Ordinal) || name.StartsWith("hv_vm_config", StringComparison.Ordinal)
        || name is nameof(HvFunctions.hv_vm_allocate) or nameof(HvFunctions.hv_vm_deallocate);

    private void Refuse(bool hasGic, Func<List<string>, string[], IEnumerable<(int Index, HvReturn Code)>> choose)
    {
        using FakeFramework framework = new() { IsNewest = true };
        Scenario.Live(framework, hasGic);
        List<string> calls = [.. framework.Calls];
        int errors = 0;
        int lives = 0;
        foreach ((int index, HvReturn code) in choose(calls, [.. calls.Distinct()]))
        {
            framework.Calls.Clear();
            framework.FailingCall = (index, code);
            Exception? thrown = Record.Exception(() => Scenario.Live(framework, hasGic));
            framework.FailingCall = null;

            string where = $"call {index}, {calls[index]}, refused with {code}: {thrown}";
            Assert.True(thrown is null or HypervisorException or NotSupportedException, where);
            if (thrown is HypervisorException e and not HypervisorUnavailableException)
            {
                Assert.True(e.Reason.Length > 0 && e.NativeErrorCode != 0, where);
            }

            Assert.True(!framework.HasVm && !framework.HasVcpu && framework.Objects == 0 && framework.Allocations == 0, where);
            errors += thrown is null ? 0 : 1;
            lives++;
        }

        output.WriteLine($"{lives} lives of {calls.Count} calls, {errors} of them ended by an error.");
        Assert.True(errors > lives / 2, "Refusals are seen.");

        // The last life's machine may have refused to go; the next one sees to that first.
        Scenario.Live(framework, hasGic);
        framework.Calls.Clear();
        Scenario.Live(framework, hasGic);
        Assert.Equal(calls, framework.Calls);
    }
}
