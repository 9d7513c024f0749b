namespace HvSdk.Devices.Virtio;

/// <summary>The mode of a node, as stat(2) has it: what it is and who may do what.</summary>
internal static class NodeMode
{
    /// <summary>Where the type bits (S_IFMT) start.</summary>
    public const int KindShift = 12;

    /// <summary>Permission bits with set-user-ID, set-group-ID and sticky.</summary>
    public const uint PermissionMask = 0xFFF;

    /// <summary>S_ISGID. On a directory: what is made there gets its group.</summary>
    public const uint SetGroupId = 0x400;

    public static uint Of(in NodeAttributes attributes) => ((uint)attributes.Kind << KindShift) | (attributes.Permissions & PermissionMask);
}
