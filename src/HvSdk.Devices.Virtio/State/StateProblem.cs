using System.Diagnostics.CodeAnalysis;

namespace HvSdk.Devices.Virtio;

/// <summary>Refuses states that cannot be: they may come from a file that somebody has changed.</summary>
internal static class StateProblem
{
    public static void Require([DoesNotReturnIf(false)] bool holds, string problem)
    {
        if (!holds)
        {
            Throw(problem);
        }
    }

    public static T RequireKind<T>(VirtioDeviceState? state)
        where T : VirtioDeviceState
        => state as T ?? throw new ArgumentException($"Device is {state?.GetType().Name ?? "null"}; this kind of device saves a {typeof(T).Name}.", nameof(state));

    public static IReadOnlyList<T> RequireCount<T>(IReadOnlyList<T>? list, int min, int max, string field) =>
        list is not null && list.Count >= min && list.Count <= max
            ? list
            : throw new ArgumentException($"{field} {(list is null ? "is null" : $"has {list.Count} elements")}; it has {(min == max ? $"{min}" : $"{min} to {max}")}.", "state");

    [DoesNotReturn]
    public static void Throw(string problem) => throw new ArgumentException(problem, "state");
}
