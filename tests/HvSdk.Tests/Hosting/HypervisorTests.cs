using HvSdk.Backends;
using HvSdk.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace HvSdk.Tests.Hosting;

public sealed class HypervisorTests
{
    [Fact]
    public void Probe_SeveralBackends_TellsOfEachInOrder()
    {
        HypervisorProbe probe = Hypervisor.Probe(new Broken(), Absent("First"), Named("Second"));
        Assert.Equal(["Broken", "First", "Second"], probe.Backends.Select(static backend => backend.BackendName));
        Assert.Equal([false, false, true], probe.Backends.Select(static backend => backend.IsAvailable));
        Assert.True(probe.IsAvailable);
        Assert.Equal(
            """
            Broken: not available. The probe failed: no luck This is a defect of the backend; please report it.
            First: not available. First is off. Switch it on.
            Second: available (a script of exits)
            """.ReplaceLineEndings(),
            probe.Describe());
        Assert.Equal(probe.Describe(), probe.ToString());
        Assert.Equal("", probe.Backends[2].Remedy);
    }

    [Fact]
    public void Probe_NoBackend_SaysWhatToReference()
    {
        HypervisorProbe probe = Hypervisor.Probe();
        Assert.False(probe.IsAvailable);
        Assert.Contains("Reference a HvSdk.Backends package", probe.Describe(), StringComparison.Ordinal);
        Assert.Contains("Reference a HvSdk.Backends package", Assert.Throws<HypervisorUnavailableException>(() => Hypervisor.Open()).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentNullException>(() => Hypervisor.Probe((HypervisorBackend)null!));
    }

    [Fact]
    public void Open_SeveralBackends_TakesTheFirstThatCanBeUsed()
    {
        using Hypervisor hypervisor = Hypervisor.Open(new Broken(), Absent("First"), Named("Second"), Named("Third"));
        Assert.Equal("Second", hypervisor.Capabilities.BackendName);
    }

    [Fact]
    public void Open_NoneCanBeUsed_SaysWhyForEach()
    {
        HypervisorUnavailableException e = Assert.Throws<HypervisorUnavailableException>(() => Hypervisor.Open(new Broken(), Absent("First")));
        Assert.Equal(2, e.Probe.Backends.Count);
        Assert.Equal("Broken, First", e.BackendName);
        Assert.Contains("First is off. Switch it on.", e.Message, StringComparison.Ordinal);
        Assert.Contains("no luck", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_BackendThatProbesWellAndFails_ReachesTheCaller()
    {
        var backend = new ScriptedBackend();
        backend.FailNext(ScriptedOperation.Open);
        Assert.Throws<HypervisorException>(() => Hypervisor.Open(backend));
        Hypervisor.Open(backend).Dispose();
        Assert.Throws<ArgumentNullException>(() => Hypervisor.Open((ILoggerFactory)null!, backend));
    }

    [Fact]
    public void Require_SeveralAbsent_NamesThoseAlone()
    {
        HypervisorCapabilities capabilities = new ScriptedBackend().Capabilities;
        Assert.True(capabilities.Supports(HypervisorFeatures.Msi | HypervisorFeatures.TimerChip));
        Assert.False(capabilities.Supports(HypervisorFeatures.Msi | HypervisorFeatures.HostDoorbells));
        capabilities.Require(HypervisorFeatures.None);
        NotSupportedException e = Assert.Throws<NotSupportedException>(() => capabilities.Require(HypervisorFeatures.Msi | HypervisorFeatures.HostDoorbells));
        Assert.Contains("does not offer HostDoorbells. Ask", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Exception_OfTheHost_TellsAll()
    {
        HypervisorException e = new("KVM", "KVM_RUN", 22, "Invalid argument.", "Look at the registers.");
        Assert.Equal(("KVM", "KVM_RUN", 22, "Invalid argument.", "Look at the registers."), (e.BackendName, e.Operation, e.NativeErrorCode, e.Reason, e.Remedy));
        Assert.Equal("KVM: KVM_RUN failed: Invalid argument. Look at the registers.", e.Message);
        Assert.Equal("KVM: KVM_RUN failed: Invalid argument.", new HypervisorException("KVM", "KVM_RUN", 22, "Invalid argument.", "").Message);
    }

    [Fact]
    public void AddHvSdk_Twice_GivesOneHypervisorOverTheBackendsInOrder()
    {
        ScriptedBackend second = Named("Second");
        var services = new ServiceCollection();
        services.AddHvSdk().Services.AddSingleton<HypervisorBackend>(Absent("First")).AddSingleton<HypervisorBackend>(second);
        services.AddHvSdk();
        using (ServiceProvider provider = services.BuildServiceProvider())
        {
            Assert.Equal(0, second.OpenHosts);
            Hypervisor hypervisor = provider.GetRequiredService<Hypervisor>();
            Assert.Same(hypervisor, provider.GetRequiredService<Hypervisor>());
            Assert.Equal("Second", hypervisor.Capabilities.BackendName);
            Assert.Equal(1, second.OpenHosts);
        }

        Assert.Equal(0, second.OpenHosts);
        Assert.Throws<ArgumentNullException>(() => HvSdkServiceCollectionExtensions.AddHvSdk(null!));
    }

    [Fact]
    public void AddHvSdk_NoBackendCanBeUsed_ThrowsWhenAsked()
    {
        var services = new ServiceCollection();
        services.AddHvSdk().Services.AddSingleton<HypervisorBackend>(Absent("First"));
        using ServiceProvider provider = services.BuildServiceProvider();
        Assert.Throws<HypervisorUnavailableException>(provider.GetRequiredService<Hypervisor>);
    }

    private static ScriptedBackend Named(string name)
    {
        var backend = new ScriptedBackend();
        backend.Capabilities = backend.Capabilities with { BackendName = name };
        return backend;
    }

    private static ScriptedBackend Absent(string name)
    {
        ScriptedBackend backend = Named(name);
        backend.MakeUnavailable($"{name} is off.", "Switch it on.");
        return backend;
    }

    private sealed class Broken : HypervisorBackend
    {
        public override string Name => "Broken";

        public override BackendProbe Probe() => throw new FormatException("no luck");

        public override HypervisorHost Open(ILoggerFactory loggerFactory) => throw new FormatException("no luck");
    }
}
