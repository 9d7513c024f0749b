using System.Runtime.InteropServices;
using HvSdk.Backends.Hvf.Interop;

namespace HvSdk.Backends.Hvf.Tests;

/// <content>Objects, and what newer versions of macOS have: memory, sizes of addresses, the GIC.</content>
internal sealed unsafe partial class FakeFramework
{
    private const int FirstSpi = 32;
    private const int SpiCount = 64;
    private const int MaxAddressBits = 40;

    /// <summary>Configurations that live.</summary>
    internal int Objects { get; private set; }

    /// <summary>Memory of the framework's that lives.</summary>
    internal int Allocations { get; private set; }

    /// <summary>Levels that lines were given, and messages.</summary>
    internal List<string> Interrupts { get; } = [];

    private static nint FindOptional(string name) => name switch
    {
        nameof(HvFunctions.hv_vm_allocate) => (nint)(delegate* unmanaged<void**, nuint, ulong, int>)&Allocate,
        nameof(HvFunctions.hv_vm_deallocate) => (nint)(delegate* unmanaged<void*, nuint, int>)&Deallocate,
        nameof(HvFunctions.hv_vm_config_create) => (nint)(delegate* unmanaged<nint>)&CreateVmConfig,
        nameof(HvFunctions.hv_vm_config_get_max_ipa_size) => (nint)(delegate* unmanaged<uint*, int>)&MaxAddressSize,
        nameof(HvFunctions.hv_vm_config_set_ipa_size) => (nint)(delegate* unmanaged<nint, uint, int>)&SetAddressSize,
        nameof(HvFunctions.hv_gic_config_create) => (nint)(delegate* unmanaged<nint>)&CreateGicConfig,
        nameof(HvFunctions.hv_gic_config_set_distributor_base) => (nint)(delegate* unmanaged<nint, ulong, int>)&SetDistributorBase,
        nameof(HvFunctions.hv_gic_config_set_redistributor_base) => (nint)(delegate* unmanaged<nint, ulong, int>)&SetRedistributorBase,
        nameof(HvFunctions.hv_gic_config_set_msi_region_base) => (nint)(delegate* unmanaged<nint, ulong, int>)&SetMsiBase,
        nameof(HvFunctions.hv_gic_config_set_msi_interrupt_range) => (nint)(delegate* unmanaged<nint, uint, uint, int>)&SetMsiRange,
        nameof(HvFunctions.hv_gic_create) => (nint)(delegate* unmanaged<nint, int>)&CreateGic,
        nameof(HvFunctions.hv_gic_set_spi) => (nint)(delegate* unmanaged<uint, byte, int>)&SetSpi,
        nameof(HvFunctions.hv_gic_send_msi) => (nint)(delegate* unmanaged<ulong, uint, int>)&SendMsi,
        nameof(HvFunctions.hv_gic_get_spi_interrupt_range) => (nint)(delegate* unmanaged<uint*, uint*, int>)&GetSpiRange,
        nameof(HvFunctions.hv_gic_get_distributor_reg) => (nint)(delegate* unmanaged<ushort, ulong*, int>)&GetDistributor,
        nameof(HvFunctions.hv_gic_set_distributor_reg) => (nint)(delegate* unmanaged<ushort, ulong, int>)&SetDistributor,
        nameof(HvFunctions.hv_gic_get_redistributor_reg) => (nint)(delegate* unmanaged<ulong, uint, ulong*, int>)&GetRedistributor,
        nameof(HvFunctions.hv_gic_set_redistributor_reg) => (nint)(delegate* unmanaged<ulong, uint, ulong, int>)&SetRedistributor,
        nameof(HvFunctions.hv_gic_get_icc_reg) => (nint)(delegate* unmanaged<ulong, ushort, ulong*, int>)&GetInterface,
        nameof(HvFunctions.hv_gic_set_icc_reg) => (nint)(delegate* unmanaged<ulong, ushort, ulong, int>)&SetInterface,
        _ => 0,
    };

    private static nint CreateObject(string name)
    {
        if (Result(name) != 0)
        {
            return 0;
        }

        Current.Objects++;
        return 1;
    }

    [UnmanagedCallersOnly]
    private static nint CreateVcpuConfig() => CreateObject(nameof(HvFunctions.hv_vcpu_config_create));

    [UnmanagedCallersOnly]
    private static nint CreateVmConfig() => CreateObject(nameof(HvFunctions.hv_vm_config_create));

    [UnmanagedCallersOnly]
    private static nint CreateGicConfig() => CreateObject(nameof(HvFunctions.hv_gic_config_create));

    [UnmanagedCallersOnly]
    private static void ReleaseObject(nint pointer) => Current.Objects--;

    [UnmanagedCallersOnly]
    private static int Allocate(void** memory, nuint size, ulong flags)
    {
        int result = Result(nameof(HvFunctions.hv_vm_allocate));
        if (result == 0)
        {
            // SAFETY: freed by Deallocate, which the backend owes for each.
            *memory = NativeMemory.AlignedAlloc(size, HvfCapabilities.PageSize);
            NativeMemory.Clear(*memory, size);
            Current.Allocations++;
        }

        return result;
    }

    [UnmanagedCallersOnly]
    private static int Deallocate(void* memory, nuint size)
    {
        NativeMemory.AlignedFree(memory);
        Current.Allocations--;
        return Result(nameof(HvFunctions.hv_vm_deallocate));
    }

    [UnmanagedCallersOnly]
    private static int MaxAddressSize(uint* bits)
    {
        *bits = MaxAddressBits;
        return Result(nameof(HvFunctions.hv_vm_config_get_max_ipa_size));
    }

    [UnmanagedCallersOnly]
    private static int SetAddressSize(nint config, uint bits) => Result(nameof(HvFunctions.hv_vm_config_set_ipa_size));

    [UnmanagedCallersOnly]
    private static int SetDistributorBase(nint config, ulong address) => Result(nameof(HvFunctions.hv_gic_config_set_distributor_base));

    [UnmanagedCallersOnly]
    private static int SetRedistributorBase(nint config, ulong address) => Result(nameof(HvFunctions.hv_gic_config_set_redistributor_base));

    [UnmanagedCallersOnly]
    private static int SetMsiBase(nint config, ulong address) => Result(nameof(HvFunctions.hv_gic_config_set_msi_region_base));

    [UnmanagedCallersOnly]
    private static int SetMsiRange(nint config, uint first, uint count) => Result(nameof(HvFunctions.hv_gic_config_set_msi_interrupt_range));

    [UnmanagedCallersOnly]
    private static int CreateGic(nint config)
    {
        if (!Current.HasVm || Current.HasVcpu)
        {
            Current.Faults.Add("a GIC before the machine, or after a vCPU");
        }

        return Result(nameof(HvFunctions.hv_gic_create));
    }

    [UnmanagedCallersOnly]
    private static int SetSpi(uint number, byte level)
    {
        Current.Interrupts.Add($"SPI {number} {level}");
        return Result(nameof(HvFunctions.hv_gic_set_spi));
    }

    [UnmanagedCallersOnly]
    private static int SendMsi(ulong address, uint number)
    {
        Current.Interrupts.Add($"MSI {number}");
        return Result(nameof(HvFunctions.hv_gic_send_msi));
    }

    [UnmanagedCallersOnly]
    private static int GetSpiRange(uint* first, uint* count)
    {
        *first = FirstSpi;
        *count = SpiCount;
        return Result(nameof(HvFunctions.hv_gic_get_spi_interrupt_range));
    }

    [UnmanagedCallersOnly]
    private static int GetDistributor(ushort register, ulong* value)
    {
        *value = register;
        return Result(nameof(HvFunctions.hv_gic_get_distributor_reg));
    }

    [UnmanagedCallersOnly]
    private static int SetDistributor(ushort register, ulong value) => Result(nameof(HvFunctions.hv_gic_set_distributor_reg));

    [UnmanagedCallersOnly]
    private static int GetRedistributor(ulong vcpu, uint register, ulong* value)
    {
        *value = register;
        return Result(nameof(HvFunctions.hv_gic_get_redistributor_reg), ofVcpu: true);
    }

    [UnmanagedCallersOnly]
    private static int SetRedistributor(ulong vcpu, uint register, ulong value) => Result(nameof(HvFunctions.hv_gic_set_redistributor_reg), ofVcpu: true);

    [UnmanagedCallersOnly]
    private static int GetInterface(ulong vcpu, ushort register, ulong* value)
    {
        *value = register;
        return Result(nameof(HvFunctions.hv_gic_get_icc_reg), ofVcpu: true);
    }

    [UnmanagedCallersOnly]
    private static int SetInterface(ulong vcpu, ushort register, ulong value) => Result(nameof(HvFunctions.hv_gic_set_icc_reg), ofVcpu: true);
}
