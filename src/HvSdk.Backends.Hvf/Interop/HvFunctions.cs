using System.Runtime.InteropServices;
using System.Text;

namespace HvSdk.Backends.Hvf.Interop;

/// <summary>The functions of Hypervisor.framework for arm64 and the few of libSystem that go with them, under their own names.</summary>
/// <remarks>
/// macOS has added to them from version to version, so each is looked up: a missing optional one is null, and what needs it is a feature that is absent; a missing required one
/// is named by <see cref="MissingRequired"/>. Optional, with the first macOS that has it: 12.1 memory of the framework's; 13 sizes of guest addresses; 15 the platform's GIC.
/// The library stays loaded as long as the process lives.
/// </remarks>
internal sealed unsafe class HvFunctions
{
    private const string LibSystem = "/usr/lib/libSystem.dylib";

    private readonly Func<string, nint> _find;

    /// <param name="find">Gives the address of a function, or 0.</param>
    internal HvFunctions(Func<string, nint> find)
    {
        _find = find;
        hv_vm_get_max_vcpu_count = (delegate* unmanaged<uint*, int>)Require(nameof(hv_vm_get_max_vcpu_count));
        hv_vm_create = (delegate* unmanaged<nint, int>)Require(nameof(hv_vm_create));
        hv_vm_destroy = (delegate* unmanaged<int>)Require(nameof(hv_vm_destroy));
        hv_vm_map = (delegate* unmanaged<void*, ulong, nuint, HvMemoryFlags, int>)Require(nameof(hv_vm_map));
        hv_vm_unmap = (delegate* unmanaged<ulong, nuint, int>)Require(nameof(hv_vm_unmap));
        hv_vm_protect = (delegate* unmanaged<ulong, nuint, HvMemoryFlags, int>)Require(nameof(hv_vm_protect));
        hv_vcpu_config_create = (delegate* unmanaged<nint>)Require(nameof(hv_vcpu_config_create));
        hv_vcpu_config_get_feature_reg = (delegate* unmanaged<nint, HvFeatureRegister, ulong*, int>)Require(nameof(hv_vcpu_config_get_feature_reg));
        hv_vcpu_create = (delegate* unmanaged<ulong*, HvVcpuExit**, nint, int>)Require(nameof(hv_vcpu_create));
        hv_vcpu_destroy = (delegate* unmanaged<ulong, int>)Require(nameof(hv_vcpu_destroy));
        hv_vcpu_run = (delegate* unmanaged<ulong, int>)Require(nameof(hv_vcpu_run));
        hv_vcpus_exit = (delegate* unmanaged<ulong*, uint, int>)Require(nameof(hv_vcpus_exit));
        hv_vcpu_get_reg = (delegate* unmanaged<ulong, HvRegister, ulong*, int>)Require(nameof(hv_vcpu_get_reg));
        hv_vcpu_set_reg = (delegate* unmanaged<ulong, HvRegister, ulong, int>)Require(nameof(hv_vcpu_set_reg));
        hv_vcpu_get_simd_fp_reg = (delegate* unmanaged<ulong, uint, HvSimdValue*, int>)Require(nameof(hv_vcpu_get_simd_fp_reg));
        hv_vcpu_set_simd_fp_reg = (delegate* unmanaged<ulong, uint, HvSimdValue, int>)Require(nameof(hv_vcpu_set_simd_fp_reg));
        hv_vcpu_get_sys_reg = (delegate* unmanaged<ulong, ushort, ulong*, int>)Require(nameof(hv_vcpu_get_sys_reg));
        hv_vcpu_set_sys_reg = (delegate* unmanaged<ulong, ushort, ulong, int>)Require(nameof(hv_vcpu_set_sys_reg));
        hv_vcpu_set_pending_interrupt = (delegate* unmanaged<ulong, HvInterruptType, byte, int>)Require(nameof(hv_vcpu_set_pending_interrupt));
        hv_vcpu_set_trap_debug_exceptions = (delegate* unmanaged<ulong, byte, int>)Require(nameof(hv_vcpu_set_trap_debug_exceptions));
        hv_vcpu_get_exec_time = (delegate* unmanaged<ulong, ulong*, int>)Require(nameof(hv_vcpu_get_exec_time));
        hv_vcpu_get_vtimer_mask = (delegate* unmanaged<ulong, byte*, int>)Require(nameof(hv_vcpu_get_vtimer_mask));
        hv_vcpu_set_vtimer_mask = (delegate* unmanaged<ulong, byte, int>)Require(nameof(hv_vcpu_set_vtimer_mask));
        hv_vcpu_get_vtimer_offset = (delegate* unmanaged<ulong, ulong*, int>)Require(nameof(hv_vcpu_get_vtimer_offset));
        hv_vcpu_set_vtimer_offset = (delegate* unmanaged<ulong, ulong, int>)Require(nameof(hv_vcpu_set_vtimer_offset));
        os_release = (delegate* unmanaged<nint, void>)Require(nameof(os_release));
        mach_absolute_time = (delegate* unmanaged<ulong>)Require(nameof(mach_absolute_time));
        mach_timebase_info = (delegate* unmanaged<MachTimebaseInfo*, int>)Require(nameof(mach_timebase_info));
        sysctlbyname = (delegate* unmanaged<byte*, void*, nuint*, void*, nuint, int>)Require(nameof(sysctlbyname));
        hv_vm_allocate = (delegate* unmanaged<void**, nuint, ulong, int>)find(nameof(hv_vm_allocate));
        hv_vm_deallocate = (delegate* unmanaged<void*, nuint, int>)find(nameof(hv_vm_deallocate));
        hv_vm_config_create = (delegate* unmanaged<nint>)find(nameof(hv_vm_config_create));
        hv_vm_config_get_max_ipa_size = (delegate* unmanaged<uint*, int>)find(nameof(hv_vm_config_get_max_ipa_size));
        hv_vm_config_set_ipa_size = (delegate* unmanaged<nint, uint, int>)find(nameof(hv_vm_config_set_ipa_size));
        hv_gic_config_create = (delegate* unmanaged<nint>)find(nameof(hv_gic_config_create));
        hv_gic_config_set_distributor_base = (delegate* unmanaged<nint, ulong, int>)find(nameof(hv_gic_config_set_distributor_base));
        hv_gic_config_set_redistributor_base = (delegate* unmanaged<nint, ulong, int>)find(nameof(hv_gic_config_set_redistributor_base));
        hv_gic_config_set_msi_region_base = (delegate* unmanaged<nint, ulong, int>)find(nameof(hv_gic_config_set_msi_region_base));
        hv_gic_config_set_msi_interrupt_range = (delegate* unmanaged<nint, uint, uint, int>)find(nameof(hv_gic_config_set_msi_interrupt_range));
        hv_gic_create = (delegate* unmanaged<nint, int>)find(nameof(hv_gic_create));
        hv_gic_set_spi = (delegate* unmanaged<uint, byte, int>)find(nameof(hv_gic_set_spi));
        hv_gic_send_msi = (delegate* unmanaged<ulong, uint, int>)find(nameof(hv_gic_send_msi));
        hv_gic_get_spi_interrupt_range = (delegate* unmanaged<uint*, uint*, int>)find(nameof(hv_gic_get_spi_interrupt_range));
        hv_gic_get_distributor_reg = (delegate* unmanaged<ushort, ulong*, int>)find(nameof(hv_gic_get_distributor_reg));
        hv_gic_set_distributor_reg = (delegate* unmanaged<ushort, ulong, int>)find(nameof(hv_gic_set_distributor_reg));
        hv_gic_get_redistributor_reg = (delegate* unmanaged<ulong, uint, ulong*, int>)find(nameof(hv_gic_get_redistributor_reg));
        hv_gic_set_redistributor_reg = (delegate* unmanaged<ulong, uint, ulong, int>)find(nameof(hv_gic_set_redistributor_reg));
        hv_gic_get_icc_reg = (delegate* unmanaged<ulong, ushort, ulong*, int>)find(nameof(hv_gic_get_icc_reg));
        hv_gic_set_icc_reg = (delegate* unmanaged<ulong, ushort, ulong, int>)find(nameof(hv_gic_set_icc_reg));
    }

    /// <summary>Functions of macOS 11 that the library lacks.</summary>
    internal List<string> MissingRequired { get; } = [];

    /// <summary>The platform keeps a GIC: all of its functions are there.</summary>
    internal bool HasGic =>
        hv_gic_config_create is not null && hv_gic_config_set_distributor_base is not null && hv_gic_config_set_redistributor_base is not null
        && hv_gic_create is not null && hv_gic_set_spi is not null && hv_gic_get_spi_interrupt_range is not null
        && hv_gic_get_distributor_reg is not null && hv_gic_set_distributor_reg is not null && hv_gic_get_redistributor_reg is not null
        && hv_gic_set_redistributor_reg is not null && hv_gic_get_icc_reg is not null && hv_gic_set_icc_reg is not null;

    /// <summary>The platform's GIC has a frame for messages.</summary>
    internal bool HasMsi =>
        HasGic && hv_gic_config_set_msi_region_base is not null && hv_gic_config_set_msi_interrupt_range is not null && hv_gic_send_msi is not null;

    /// <summary>The size of guest addresses can be chosen.</summary>
    internal bool HasAddressSize =>
        hv_vm_config_create is not null && hv_vm_config_get_max_ipa_size is not null && hv_vm_config_set_ipa_size is not null;

    /// <summary>The framework gives memory.</summary>
    internal bool HasMemory => hv_vm_allocate is not null && hv_vm_deallocate is not null;

    internal delegate* unmanaged<uint*, int> hv_vm_get_max_vcpu_count { get; }

    internal delegate* unmanaged<nint, int> hv_vm_create { get; }

    internal delegate* unmanaged<int> hv_vm_destroy { get; }

    internal delegate* unmanaged<void*, ulong, nuint, HvMemoryFlags, int> hv_vm_map { get; }

    internal delegate* unmanaged<ulong, nuint, int> hv_vm_unmap { get; }

    internal delegate* unmanaged<ulong, nuint, HvMemoryFlags, int> hv_vm_protect { get; }

    internal delegate* unmanaged<nint> hv_vcpu_config_create { get; }

    internal delegate* unmanaged<nint, HvFeatureRegister, ulong*, int> hv_vcpu_config_get_feature_reg { get; }

    internal delegate* unmanaged<ulong*, HvVcpuExit**, nint, int> hv_vcpu_create { get; }

    internal delegate* unmanaged<ulong, int> hv_vcpu_destroy { get; }

    internal delegate* unmanaged<ulong, int> hv_vcpu_run { get; }

    internal delegate* unmanaged<ulong*, uint, int> hv_vcpus_exit { get; }

    internal delegate* unmanaged<ulong, HvRegister, ulong*, int> hv_vcpu_get_reg { get; }

    internal delegate* unmanaged<ulong, HvRegister, ulong, int> hv_vcpu_set_reg { get; }

    internal delegate* unmanaged<ulong, uint, HvSimdValue*, int> hv_vcpu_get_simd_fp_reg { get; }

    internal delegate* unmanaged<ulong, uint, HvSimdValue, int> hv_vcpu_set_simd_fp_reg { get; }

    internal delegate* unmanaged<ulong, ushort, ulong*, int> hv_vcpu_get_sys_reg { get; }

    internal delegate* unmanaged<ulong, ushort, ulong, int> hv_vcpu_set_sys_reg { get; }

    internal delegate* unmanaged<ulong, HvInterruptType, byte, int> hv_vcpu_set_pending_interrupt { get; }

    internal delegate* unmanaged<ulong, byte, int> hv_vcpu_set_trap_debug_exceptions { get; }

    internal delegate* unmanaged<ulong, ulong*, int> hv_vcpu_get_exec_time { get; }

    internal delegate* unmanaged<ulong, byte*, int> hv_vcpu_get_vtimer_mask { get; }

    internal delegate* unmanaged<ulong, byte, int> hv_vcpu_set_vtimer_mask { get; }

    internal delegate* unmanaged<ulong, ulong*, int> hv_vcpu_get_vtimer_offset { get; }

    internal delegate* unmanaged<ulong, ulong, int> hv_vcpu_set_vtimer_offset { get; }

    internal delegate* unmanaged<nint, void> os_release { get; }

    internal delegate* unmanaged<ulong> mach_absolute_time { get; }

    internal delegate* unmanaged<MachTimebaseInfo*, int> mach_timebase_info { get; }

    internal delegate* unmanaged<byte*, void*, nuint*, void*, nuint, int> sysctlbyname { get; }

    internal delegate* unmanaged<void**, nuint, ulong, int> hv_vm_allocate { get; }

    internal delegate* unmanaged<void*, nuint, int> hv_vm_deallocate { get; }

    internal delegate* unmanaged<nint> hv_vm_config_create { get; }

    internal delegate* unmanaged<uint*, int> hv_vm_config_get_max_ipa_size { get; }

    internal delegate* unmanaged<nint, uint, int> hv_vm_config_set_ipa_size { get; }

    internal delegate* unmanaged<nint> hv_gic_config_create { get; }

    internal delegate* unmanaged<nint, ulong, int> hv_gic_config_set_distributor_base { get; }

    internal delegate* unmanaged<nint, ulong, int> hv_gic_config_set_redistributor_base { get; }

    internal delegate* unmanaged<nint, ulong, int> hv_gic_config_set_msi_region_base { get; }

    internal delegate* unmanaged<nint, uint, uint, int> hv_gic_config_set_msi_interrupt_range { get; }

    internal delegate* unmanaged<nint, int> hv_gic_create { get; }

    internal delegate* unmanaged<uint, byte, int> hv_gic_set_spi { get; }

    internal delegate* unmanaged<ulong, uint, int> hv_gic_send_msi { get; }

    internal delegate* unmanaged<uint*, uint*, int> hv_gic_get_spi_interrupt_range { get; }

    internal delegate* unmanaged<ushort, ulong*, int> hv_gic_get_distributor_reg { get; }

    internal delegate* unmanaged<ushort, ulong, int> hv_gic_set_distributor_reg { get; }

    internal delegate* unmanaged<ulong, uint, ulong*, int> hv_gic_get_redistributor_reg { get; }

    internal delegate* unmanaged<ulong, uint, ulong, int> hv_gic_set_redistributor_reg { get; }

    internal delegate* unmanaged<ulong, ushort, ulong*, int> hv_gic_get_icc_reg { get; }

    internal delegate* unmanaged<ulong, ushort, ulong, int> hv_gic_set_icc_reg { get; }

    /// <summary>Loads a library and looks its functions up; those that it lacks are looked for in libSystem.</summary>
    /// <param name="library">Name or path.</param>
    /// <param name="failure">Why it cannot be loaded, in the system's words.</param>
    internal static HvFunctions? TryLoad(string library, out string failure)
    {
        nint handle;
        try
        {
            handle = NativeLibrary.Load(library);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            failure = e.Message;
            return null;
        }

        failure = "";
        nint system = OperatingSystem.IsMacOS() && NativeLibrary.TryLoad(LibSystem, out nint loaded) ? loaded : 0;
        return new HvFunctions(name =>
            NativeLibrary.TryGetExport(handle, name, out nint address) || (system != 0 && NativeLibrary.TryGetExport(system, name, out address)) ? address : 0);
    }

    /// <summary>Reads a number of the system (sysctl).</summary>
    internal bool TryReadSystemNumber(string name, out long value)
    {
        long number = 0;
        nuint size = sizeof(long);

        // SAFETY: the name ends with a zero byte, and the buffer has the size that is given; the system writes 4 or 8 bytes.
        fixed (byte* bytes = Encoding.ASCII.GetBytes(name + '\0'))
        {
            int result = sysctlbyname(bytes, &number, &size, null, 0);
            value = size == sizeof(int) ? (int)number : number;
            return result == 0;
        }
    }

    private nint Require(string name)
    {
        nint address = _find(name);
        if (address == 0)
        {
            MissingRequired.Add(name);
        }

        return address;
    }
}
