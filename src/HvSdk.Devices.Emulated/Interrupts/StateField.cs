namespace HvSdk.Devices.Emulated;

/// <summary>Checks the fields of a saved state: it may come from a file that somebody has changed.</summary>
internal static class StateField
{
    internal static int Require(long value, long least, long most, string field) => value >= least && value <= most
        ? (int)value
        : throw new ArgumentOutOfRangeException(field, value, $"{field} is {value}; it is {least} to {most}.");

    internal static long RequireLong(long value, long least, long most, string field) => value >= least && value <= most
        ? value
        : throw new ArgumentOutOfRangeException(field, value, $"{field} is {value}; it is {least} to {most}.");

    internal static IReadOnlyList<T> RequireCount<T>(IReadOnlyList<T>? list, int count, string field) => list?.Count == count
        ? list
        : throw new ArgumentException($"{field} has {list?.Count ?? 0} elements; it has {count}.", field);
}
