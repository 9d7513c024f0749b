using System.Runtime.InteropServices;
using System.Text;
using HvSdk.Live.Transcripts;

namespace HvSdk.FieldKit;

/// <summary>
/// Asks Hypervisor.framework itself, past the backend: which functions there are, and what those tell that need no virtual machine. It shows what a
/// version of macOS has where the backend's reading of the documents may be wrong.
/// </summary>
internal static unsafe class HvfPlatformReader
{
    /// <summary>Names a library in place of the framework: the stand-in of tests/hvf-standin.</summary>
    internal const string LibraryVariable = "HVSDK_HVF_LIBRARY";

    private const string Framework = "/System/Library/Frameworks/Hypervisor.framework/Hypervisor";
    private const string System = "/usr/lib/libSystem.dylib";

    /// <summary>Functions that not every macOS has, and the first that does by its documents.</summary>
    private static readonly (string Name, string MacOs)[] s_exports =
    [
        ("hv_vm_allocate", "12.1"), ("hv_vm_deallocate", "12.1"), ("hv_vm_config_create", "13"), ("hv_vm_config_get_max_ipa_size", "13"), ("hv_vm_config_set_ipa_size", "13"),
        ("hv_vm_config_get_el2_supported", "15"), ("hv_vm_config_set_el2_enabled", "15"), ("hv_gic_create", "15"), ("hv_gic_set_spi", "15"), ("hv_gic_send_msi", "15"),
        ("hv_gic_get_distributor_reg", "15"), ("hv_gic_get_redistributor_reg", "15"), ("hv_gic_get_icc_reg", "15"), ("hv_gic_state_create", "15"),
        ("hv_sme_config_get_max_svl_bytes", "15.2"), ("hv_vm_config_set_ipa_granule", "26"), ("hv_vcpu_invalidate_tlb", "27"), ("hv_vcpu_get_serror", "27"),
        ("hv_vcpu_get_wait_for_interrupt_time", "27"),
    ];

    /// <summary>Numbers that are told without a virtual machine, by functions of one uint32_t or size_t.</summary>
    private static readonly string[] s_numbers =
    [
        "hv_vm_get_max_vcpu_count", "hv_vm_config_get_default_ipa_size", "hv_vm_config_get_max_ipa_size", "hv_vm_config_get_el2_supported", "hv_vm_config_get_default_ipa_granule",
        "hv_gic_get_distributor_size", "hv_gic_get_distributor_base_alignment", "hv_gic_get_redistributor_size", "hv_gic_get_redistributor_region_size",
        "hv_gic_get_redistributor_base_alignment", "hv_gic_get_msi_region_size", "hv_gic_get_msi_region_base_alignment", "hv_sme_config_get_max_svl_bytes",
    ];

    private static readonly string[] s_systemNumbers = ["kern.hv_support", "hw.pagesize", "hw.tbfrequency"];
    private static readonly string[] s_systemTexts = ["kern.osproductversion", "kern.osversion", "hw.model", "machdep.cpu.brand_string"];

    /// <summary>hv_feature_reg_t, the identification registers of a vCPU, and two more than were known in 2026.</summary>
    private const int FeatureRegisters = 14;

    /// <summary>It is the platform of this system, or a stand-in is named.</summary>
    public static bool IsMeant => OperatingSystem.IsMacOS() || Environment.GetEnvironmentVariable(LibraryVariable) is { Length: > 0 };

    /// <summary>Asks; empty where there is no framework.</summary>
    public static IReadOnlyList<PlatformAnswer> Read()
    {
        string path = Environment.GetEnvironmentVariable(LibraryVariable) is { Length: > 0 } named ? named : Framework;
        if (!NativeLibrary.TryLoad(path, out nint library))
        {
            return [];
        }

        nint system = NativeLibrary.TryLoad(System, out nint loaded) ? loaded : library;
        return
        [
            .. ReadSystem(system),
            .. s_exports.Select(export => new PlatformAnswer($"{export.Name} ({export.MacOs})", Find(library, export.Name) == 0 ? "missing" : "there")),
            .. s_numbers.Select(name => new PlatformAnswer(name, ReadNumber(Find(library, name)))),
            .. ReadFeatures(library, system),
        ];
    }

    private static nint Find(nint library, string name) => NativeLibrary.TryGetExport(library, name, out nint address) ? address : 0;

    private static string ReadNumber(nint function)
    {
        if (function == 0)
        {
            return "missing";
        }

        // SAFETY: each of these functions writes at most the 8 bytes of a size_t.
        ulong value = 0;
        int result = ((delegate* unmanaged<ulong*, int>)function)(&value);
        return result == 0 ? $"{value}" : $"0x{result:X8}";
    }

    private static IEnumerable<PlatformAnswer> ReadSystem(nint system)
    {
        if (Find(system, "sysctlbyname") is not (not 0 and var function))
        {
            return [];
        }

        return
        [
            .. s_systemNumbers.Select(name => new PlatformAnswer(name, ReadSystem(function, name) is { Length: 4 or 8 } bytes ? $"{(bytes.Length == 4 ? BitConverter.ToUInt32(bytes) : BitConverter.ToUInt64(bytes))}" : "missing")),
            .. s_systemTexts.Select(name => new PlatformAnswer(name, ReadSystem(function, name) is { } bytes ? Encoding.UTF8.GetString(bytes).TrimEnd('\0') : "missing")),
        ];
    }

    private static byte[]? ReadSystem(nint function, string name)
    {
        byte[] buffer = new byte[256];
        nuint size = (nuint)buffer.Length;

        // SAFETY: the name ends with a zero byte; the system writes no more than the buffer has.
        fixed (byte* nameBytes = Encoding.ASCII.GetBytes(name + '\0'), bytes = buffer)
        {
            return ((delegate* unmanaged<byte*, void*, nuint*, void*, nuint, int>)function)(nameBytes, bytes, &size, null, 0) == 0 ? buffer[..(int)size] : null;
        }
    }

    private static List<PlatformAnswer> ReadFeatures(nint library, nint system)
    {
        nint create = Find(library, "hv_vcpu_config_create");
        nint get = Find(library, "hv_vcpu_config_get_feature_reg");
        nint release = Find(system, "os_release");
        var answers = new List<PlatformAnswer>();
        if (create == 0 || get == 0 || release == 0)
        {
            return answers;
        }

        // SAFETY: the object is used between its creation and its one release; each call writes 8 bytes.
        nint config = ((delegate* unmanaged<nint>)create)();
        for (int i = 0; i < FeatureRegisters; i++)
        {
            ulong value = 0;
            int result = ((delegate* unmanaged<nint, int, ulong*, int>)get)(config, i, &value);
            answers.Add(new PlatformAnswer($"feature register {i}", result == 0 ? $"0x{value:X16}" : $"0x{result:X8}"));
        }

        ((delegate* unmanaged<nint, void>)release)(config);
        return answers;
    }
}
