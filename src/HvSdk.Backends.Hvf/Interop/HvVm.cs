using System.Runtime.InteropServices;

namespace HvSdk.Backends.Hvf.Interop;

/// <summary>The virtual machine of this process: the framework has no name for it, since there is one at a time.</summary>
internal sealed unsafe class HvVm : SafeHandle
{
    private const nint Exists = 1;

    /// <summary>A virtual machine could not go when its partition did: a vCPU of it was left over (<see cref="HvfLeftovers"/>).</summary>
    private static int s_isLeft;

    private readonly HvFunctions _functions;

    private HvVm(HvFunctions functions)
        : base(0, ownsHandle: true)
    {
        _functions = functions;
        SetHandle(Exists);
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>Makes it.</summary>
    /// <param name="functions">The framework.</param>
    /// <param name="addressBits">Bits of guest addresses, or null for the framework's own choice.</param>
    internal static HvVm Create(HvFunctions functions, int? addressBits)
    {
        using HvObject? config = addressBits is null ? null : HvObject.Take(functions, functions.hv_vm_config_create(), nameof(HvFunctions.hv_vm_config_create));
        if (config is not null)
        {
            HvfError.Check(functions.hv_vm_config_set_ipa_size(config.Pointer, (uint)addressBits!), nameof(HvFunctions.hv_vm_config_set_ipa_size));
        }

        if (Volatile.Read(ref s_isLeft) != 0 && functions.hv_vm_destroy() == (int)HvReturn.HV_SUCCESS)
        {
            Volatile.Write(ref s_isLeft, 0);
        }

        HvfError.Check(functions.hv_vm_create(config?.Pointer ?? 0), nameof(HvFunctions.hv_vm_create));
        return new HvVm(functions);
    }

    protected override bool ReleaseHandle()
    {
        if (_functions.hv_vm_destroy() != (int)HvReturn.HV_SUCCESS)
        {
            Volatile.Write(ref s_isLeft, 1);
        }

        return true;
    }
}
