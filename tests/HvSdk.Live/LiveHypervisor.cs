using System.Runtime.InteropServices;
using HvSdk.Backends;
using HvSdk.Backends.Hvf;
using HvSdk.Backends.Kvm;
using HvSdk.Backends.Whp;
using Xunit;

namespace HvSdk.Live;

/// <summary>The hypervisor that live tests run on: chosen by HVSDK_BACKEND ("kvm", "whp", "hvf"); where nothing is said, that of the system.</summary>
/// <remarks>
/// HVSDK_WHP_LIBRARY names a library to be used in place of WinHvPlatform.dll: the stand-in of tests/whp-standin; HVSDK_HVF_LIBRARY one for Hypervisor.framework, that of tests/hvf-standin.
/// A live test that cannot run is skipped with the probe's words. HVSDK_REQUIRE names, separated by commas, the tiers whose skip is a failure:
/// "kvm" (the machine's own hypervisor), "nested", "gcc" (a C compiler and the kernel headers, for the ABI tests), "iasl" (acpica-tools, for the ACPI tables), "whp-standin" and "hvf-standin" (what tests/whp-standin and tests/hvf-standin build), "seabios" and "grub" (grub-common, grub-coreboot-bin: guests that nobody here wrote).
/// </remarks>
public static class LiveHypervisor
{
    private static readonly Lazy<BackendProbe> s_probe = new(static () => Hypervisor.Probe(Backend!).Backends[0]);
    private static readonly Lazy<HypervisorCapabilities> s_capabilities = new(static () =>
    {
        using Hypervisor hypervisor = Hypervisor.Open(Backend!);
        return hypervisor.Capabilities;
    });

    /// <summary>The backend under test.</summary>
    public static HypervisorBackend Backend { get; } = (Environment.GetEnvironmentVariable("HVSDK_BACKEND") ?? "") switch
    {
        "" => OperatingSystem.IsWindows() ? WhpBackend.Instance : OperatingSystem.IsMacOS() ? HvfBackend.Instance : KvmBackend.Instance,
        "kvm" => KvmBackend.Instance,
        "whp" => new WhpBackend(new WhpBackendOptions { LibraryPath = WhpStandIn.Path }),
        "hvf" => new HvfBackend(new HvfBackendOptions { LibraryPath = Environment.GetEnvironmentVariable("HVSDK_HVF_LIBRARY") is { Length: > 0 } library ? library : null }),
        { } other => throw new InvalidOperationException($"HVSDK_BACKEND={other} names no backend of this project. Use kvm, whp or hvf."),
    };

    /// <summary>The architecture of its guests, also where it cannot be opened.</summary>
    public static GuestArchitecture Architecture { get; } = Backend switch
    {
        HvfBackend => GuestArchitecture.Arm64,
        WhpBackend => GuestArchitecture.X64,
        _ => RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? GuestArchitecture.Arm64 : GuestArchitecture.X64,
    };

    /// <summary>What the hypervisor under test offers, or skips the test where there is none.</summary>
    public static HypervisorCapabilities Capabilities
    {
        get
        {
            SkipUnlessAvailable();
            return s_capabilities.Value;
        }
    }

    /// <summary>Opens the hypervisor, or skips the test where there is none.</summary>
    /// <param name="backend">The backend with options of the test's own; null: <see cref="Backend"/>.</param>
    public static Hypervisor Open(HypervisorBackend? backend = null)
    {
        SkipUnlessAvailable();
        try
        {
            Hypervisor hypervisor = Hypervisor.Open(backend ?? Backend);
            TestContext.Current.TestOutputHelper?.WriteLine($"Ran on {hypervisor.Capabilities.BackendName}: {hypervisor.Capabilities.HostDescription}");
            return hypervisor;
        }
        catch (HypervisorUnavailableException refusal)
        {
            AbsentFeatures.SkipIfKnown(refusal);
            throw;
        }
    }

    /// <summary>Skips a test of what one backend alone has: its own options, or what it does with its system.</summary>
    /// <param name="backendName">The backend.</param>
    public static void SkipUnlessBackend(string backendName) =>
        Assert.SkipUnless(Backend.Name == backendName, AbsentFeatures.ReasonForOther(Backend.Name, backendName));

    /// <summary>Skips a test of features that the hypervisor refuses by its nature; fails it where they are refused otherwise.</summary>
    /// <param name="features">What the test needs.</param>
    public static void SkipUnlessPossible(HypervisorFeatures features)
    {
        try
        {
            Capabilities.Require(features);
        }
        catch (NotSupportedException refusal)
        {
            AbsentFeatures.SkipIfKnown(refusal);
            throw;
        }
    }

    private static void SkipUnlessAvailable()
    {
        BackendProbe probe = s_probe.Value;
        if (!probe.IsAvailable && IsRequired(probe.BackendName))
        {
            Assert.Fail($"HVSDK_REQUIRE asks for it: {probe}");
        }

        Assert.SkipUnless(probe.IsAvailable, probe.ToString());
    }

    /// <summary>Skips the test, or fails it where HVSDK_REQUIRE names the tier.</summary>
    public static void SkipOrFail(string tier, string reason)
    {
        if (IsRequired(tier))
        {
            Assert.Fail($"HVSDK_REQUIRE asks for {tier}: {reason}");
        }

        Assert.Skip(reason);
    }

    /// <summary>Tells whether HVSDK_REQUIRE names a tier.</summary>
    public static bool IsRequired(string tier) =>
        (Environment.GetEnvironmentVariable("HVSDK_REQUIRE") ?? "").Split(',', StringSplitOptions.TrimEntries).Contains(tier, StringComparer.OrdinalIgnoreCase);
}
